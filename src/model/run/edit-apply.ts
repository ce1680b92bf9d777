import { GlassboxError } from '../../base/error.ts';
import {
  abs,
  add,
  and,
  cast,
  div,
  maximum,
  minimum,
  mul,
  reshape,
  sub,
  sum,
  where,
} from '../../graph/build.ts';
import { formatShape, type Shape, sameShape } from '../../graph/dim.ts';
import type { Tensor } from '../../graph/op.ts';
import { addressInfo } from '../address.ts';
import type { ModelConfig } from '../config.ts';
import type { Edit } from './edit-types.ts';

/** What the tracing of one edit at one address works with. */
export interface EditSite {
  readonly config: ModelConfig;
  readonly address: string;
  /** The edit's input with a key, or null when it has none. */
  readonly input: (key: string) => Tensor | null;
}

/** Sizes of 1 except at some axes of the address. */
function shapeAt(site: EditSite, rank: number, sizes: Readonly<Record<string, unknown>>): Shape {
  const words = addressInfo(site.config, site.address).shape;
  return Array.from({ length: rank }, (_, i) => (sizes[words[i]] ?? 1) as number | string);
}

/** bool `[batch, pos]` laid along the batch and position (or query) axes of the address. */
function alongPlaces(site: EditSite, mask: Tensor, rank: number): Tensor {
  const [batch, pos] = mask.shape;
  return reshape(mask, shapeAt(site, rank, { batch, pos, query: pos }));
}

function selection(site: EditSite, rank: number): Tensor | null {
  const places = site.input('where');
  const heads = site.input('heads');
  const byPlace = places && alongPlaces(site, places, rank);
  const size = heads?.shape[0];
  const byHead = heads && reshape(heads, shapeAt(site, rank, { n_heads: size, n_kv_heads: size }));
  if (byPlace && byHead) return and(byPlace, byHead);
  return byPlace ?? byHead;
}

/** The mean over rows and/or positions, padding left out. */
function meanOf(site: EditSite, x: Tensor, over: 'batch' | 'positions' | 'all'): Tensor {
  const words = addressInfo(site.config, site.address).shape;
  const position = words.findIndex((word) => word === 'pos' || word === 'query');
  const axes = over === 'batch' ? [0] : over === 'positions' ? [position] : [0, position];
  const valid = alongPlaces(site, cast(site.input('valid')!, 'float32'), x.shape.length);
  const total = sum(mul(x, valid), { axes, keepDims: true });
  return div(total, maximum(sum(valid, { axes, keepDims: true }), 1));
}

/**
 * Zeros that depend on x (also where x is minus infinity): the sizes of batch and pos are read off the
 * program's inputs, so the tokens must not drop out of it.
 */
function zerosLike(x: Tensor): Tensor {
  return minimum(abs(x), 0);
}

function edited(site: EditSite, edit: Edit, x: Tensor): Tensor {
  const value = () => site.input('value')!;
  const strength = () => site.input('strength')!;
  switch (edit.op) {
    case 'zero':
      return zerosLike(x);
    case 'mean':
      return site.input('value') ?? meanOf(site, x, edit.over ?? 'all');
    case 'set':
      return value();
    case 'add':
      return add(x, mul(value(), strength()));
    case 'scale':
      return mul(x, strength());
    case 'project': {
      const along = sum(mul(x, value()), { axes: -1, keepDims: true });
      return sub(x, mul(mul(along, strength()), value()));
    }
    case 'patch':
    case 'freeze':
      return site.input(`value@${site.address}`)!;
    case 'trace': {
      const { address, config } = site;
      return edit.apply(x, {
        address,
        config,
        value: (name) => {
          const found = site.input(`value:${name}`);
          if (found) return found;
          throw new GlassboxError(`the traced edit at '${address}' has no value '${name}'`, {
            code: 'bad-edit',
            remedy: 'Give it in `values`.',
            details: { address, name },
          });
        },
      });
    }
  }
}

/** Traces one edit: the activation where it is not selected, its edited value where it is. */
export function applyEdit(site: EditSite, edit: Edit, x: Tensor): Tensor {
  const result = edited(site, edit, x);
  const chosen = selection(site, x.shape.length);
  // Adding zero broadcasts a value that is smaller than the activation to its shape.
  const out = chosen
    ? where(chosen, result, x)
    : sameShape(result.shape, x.shape)
      ? result
      : add(result, zerosLike(x));
  if (!sameShape(out.shape, x.shape)) {
    throw new GlassboxError(
      `the edit at '${site.address}' turned shape ${formatShape(x.shape)} into ${formatShape(out.shape)}`,
      {
        code: 'bad-edit-shape',
        remedy: 'Return a tensor of the shape that was given.',
        details: { address: site.address },
      },
    );
  }
  return out;
}
