import type { StackedEdit } from '../../state/edits.ts';

/** What the reader looks at and follows, from which suggestions come. */
export interface Context {
  readonly layers: number;
  readonly tokens: number;
  /** The locked head, else the one with the largest effect. */
  readonly head?: { readonly layer: number; readonly head: number };
  /** Block that the locked row of the lens leaves. */
  readonly layer?: number;
  readonly position?: number;
  readonly target?: string | number;
  readonly distractor?: string | number;
  /** A second prompt of as many tokens; empty when there is none. */
  readonly promptB: string;
  /** First position where the two prompts differ. */
  readonly firstDifference?: number;
}

/** A suggested edit; `kind` names its words. */
export interface Preset {
  readonly kind: 'head' | 'mlp' | 'attention' | 'patch' | 'steer' | 'project' | 'random' | 'freeze';
  readonly layer: number;
  readonly head?: number;
  readonly position?: number;
  readonly edit: StackedEdit;
}

/** Edits worth trying from where the reader is, the most specific first. */
export function presets(context: Context): Preset[] {
  const { layers, head, target, distractor, promptB } = context;
  const layer = Math.min(layers - 1, context.layer ?? Math.floor(layers / 2));
  const out: Preset[] = [];
  if (head !== undefined) {
    const at = `blocks.${head.layer}.attn.hook_z`;
    out.push({ kind: 'head', ...head, edit: { at, op: 'zero', heads: [head.head] } });
  }
  if (promptB !== '') {
    const position = context.position ?? context.firstDifference ?? context.tokens - 1;
    const at = `blocks.${layer}.hook_resid_pre`;
    const edit: StackedEdit = { at, op: 'patch', positions: [position], from: promptB };
    out.push({ kind: 'patch', layer, position, edit });
  }
  out.push({ kind: 'mlp', layer, edit: { at: `blocks.${layer}.hook_mlp_out`, op: 'zero' } });
  const stream = `blocks.${layer}.hook_resid_post`;
  const last = [context.position ?? context.tokens - 1];
  if (target !== undefined) {
    const direction =
      distractor === undefined ? { token: target } : { token: target, minus: distractor };
    out.push(
      {
        kind: 'steer',
        layer,
        edit: { at: stream, op: 'add', positions: last, direction, strength: 1 },
      },
      { kind: 'project', layer, edit: { at: stream, op: 'project', positions: last, direction } },
    );
  }
  out.push({
    kind: 'random',
    layer,
    edit: { at: stream, op: 'add', positions: last, direction: { random: 0 }, strength: 1 },
  });
  const frozen = head?.layer ?? layer;
  const pattern = `blocks.${frozen}.attn.hook_pattern`;
  out.push({ kind: 'freeze', layer: frozen, edit: { at: pattern, op: 'freeze' } });
  return out;
}
