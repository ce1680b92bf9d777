import type { TensorData } from '../../graph/op.ts';
import type { NodeSessionOptions } from '../node/session.ts';

/** An array that crossed before, by number. */
export interface Reference {
  readonly known: number;
}

/** An array on its way to the thread; `keep` is the number it can be named by later. */
export type Parcel = Reference | { readonly keep?: number; readonly tensor: TensorData };

/** What the thread is asked to do. Every request but `forget` is answered under its `call` number. */
export type Request =
  | {
      readonly kind: 'load';
      readonly call: number;
      readonly session: number;
      readonly model: Uint8Array;
      readonly external: readonly { readonly path: string; readonly data: Uint8Array }[];
    }
  | {
      readonly kind: 'run';
      readonly call: number;
      readonly session: number;
      readonly feeds: Readonly<Record<string, Parcel>>;
      readonly fetches: Readonly<Record<string, Parcel | null>>;
    }
  | { readonly kind: 'release'; readonly call: number; readonly session: number }
  | { readonly kind: 'forget'; readonly known: number };

export interface ErrorParcel {
  readonly message: string;
  readonly code?: string;
  readonly remedy?: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly kind?: 'input' | 'failure';
}

export type Answer =
  | { readonly call: number; readonly fresh: Readonly<Record<string, TensorData>> }
  | { readonly call: number; readonly error: ErrorParcel };

/** What the thread is started with. */
export interface ThreadOptions {
  readonly session: NodeSessionOptions;
}
