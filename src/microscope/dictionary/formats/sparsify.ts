import { GlassboxError } from '../../../base/error.ts';
import type { TensorData } from '../../../graph/op.ts';
import { dictionaryKind } from '../set.ts';
import type { Dictionary, DictionaryActivation, DictionaryConfig } from '../types.ts';
import { inForm } from './fold.ts';
import type { Place } from './others.ts';
import { badDictionary, type ForeignTensors, transpose } from './tensors.ts';

type Json = Readonly<Record<string, unknown>>;

/** What a module of a block reads and writes; null where there is no address of what it reads. */
const MODULES: Readonly<
  Record<string, { readonly reads: string | null; readonly writes: string }>
> = {
  '': { reads: 'hook_resid_pre', writes: 'hook_resid_post' },
  mlp: { reads: 'mlp.hook_in', writes: 'hook_mlp_out' },
  attn: { reads: null, writes: 'hook_attn_out' },
  attention: { reads: null, writes: 'hook_attn_out' },
  self_attn: { reads: null, writes: 'hook_attn_out' },
};

/**
 * Where the module of a hookpoint reads and writes: `layers.5.mlp` is layer 5's MLP, `layers.5` the whole layer. An
 * autoencoder is of what a module writes; a transcoder reads what the module reads.
 *
 * @throws GlassboxError `unknown-place` for other modules
 */
export function hookpointPlace(hookpoint: string, transcode: boolean, source: string): Place {
  const [, layer, submodule = ''] =
    /^(?:.*\.)?(?:layers|h|blocks)\.(\d+)(?:\.(\w+))?$/.exec(hookpoint) ?? [];
  const found =
    layer !== undefined && Object.hasOwn(MODULES, submodule) ? MODULES[submodule] : undefined;
  const reads = transcode ? found?.reads : found?.writes;
  if (!found || !reads) {
    throw new GlassboxError(
      `${source}: cannot tell where ${transcode ? 'a transcoder' : 'an autoencoder'} of hookpoint "${hookpoint}" reads and writes`,
      {
        code: 'unknown-place',
        remedy: 'Keep the name of the folder (layers.5.mlp), or give --at READ:WRITTEN.',
        details: { source, hookpoint },
      },
    );
  }
  return { reads: `blocks.${layer}.${reads}`, writes: `blocks.${layer}.${found.writes}` };
}

function activationOf(cfg: Json, dDict: number, source: string): DictionaryActivation {
  const kind = cfg.activation ?? 'topk';
  const k = Number(cfg.k);
  if (!Number.isInteger(k) || k < 1 || k > dDict) {
    throw badDictionary(source, `cfg.json: k is ${cfg.k}, with ${dDict} features`);
  }
  if (cfg.signed === true) {
    throw badDictionary(source, 'cfg.json: signed features, which can be negative, are not read');
  }
  if (kind !== 'topk' && kind !== 'groupmax') {
    throw badDictionary(
      source,
      `cfg.json: activation "${kind}" is not supported (topk, groupmax are)`,
    );
  }
  if (kind === 'groupmax' && dDict % k !== 0) {
    throw badDictionary(
      source,
      `cfg.json: ${dDict} features do not make ${k} groups of equal size`,
    );
  }
  return { kind, k };
}

/**
 * A dictionary of `sparsify`: `cfg.json` with `sae.safetensors`, in a folder named after its hookpoint. A skip path takes the
 * input as it is, also where an autoencoder encodes it centred.
 */
export function fromSparsify(
  cfg: Json,
  tensors: ForeignTensors,
  at: { readonly hookpoint: string; readonly place?: Place },
): Dictionary {
  const { source } = tensors;
  const transcode = cfg.transcode === true;
  const place = at.place ?? hookpointPlace(at.hookpoint, transcode, source);
  const [dDict, dIn] = tensors.shape('encoder.weight') as readonly [number, number];
  const dOut = tensors.shape('W_dec')[1];
  const skip = tensors.has('W_skip');
  const config: DictionaryConfig = {
    activation: activationOf(cfg, dDict, source),
    reads: [place.reads],
    writes: [place.writes],
    dIn,
    dOut,
    dDict,
    centreInput: !transcode,
    skip,
    scale: 1,
    model: { name: 'unknown', hash: null },
  };
  const params: Record<string, TensorData> = {
    'W_enc.0': tensors.transposed('encoder.weight', [dDict, dIn]),
    b_enc: tensors.floats('encoder.bias', [dDict]),
    'W_dec.0': tensors.floats('W_dec', [dDict, dOut]),
    'b_dec.0': tensors.floats('b_dec', [dOut]),
    ...(skip && { W_skip: tensors.transposed('W_skip', [dOut, dIn]) }),
  };
  return { config, params };
}

/** The hookpoint of a dictionary, by the names most models have. */
function hookpointOf({ reads, writes }: DictionaryConfig): string {
  const [, layer, written] = /^blocks\.(\d+)\.(.+)$/.exec(writes[0]) ?? [];
  const transcode = reads[0] !== writes[0];
  for (const name of ['', 'mlp', 'self_attn']) {
    const hookpoint = name === '' ? `layers.${layer}` : `layers.${layer}.${name}`;
    const { reads: read, writes: out } = MODULES[name];
    const fits = !transcode || (read !== null && reads[0] === `blocks.${layer}.${read}`);
    if (layer !== undefined && written === out && fits) return hookpoint;
  }
  throw badDictionary(
    'this dictionary',
    `reads ${reads[0]} and writes ${writes[0]}, which is no module that sparsify names`,
  );
}

/**
 * A dictionary as sparsify stores it, and the name its folder must have.
 *
 * @throws GlassboxError `bad-dictionary` for what is not ranked per token, several addresses, normalised inputs, and
 *   outputs of another width than inputs
 */
export function toSparsify(dictionary: Dictionary): {
  readonly hookpoint: string;
  readonly cfg: Json;
  readonly tensors: Record<string, TensorData>;
} {
  const { activation, normalise, dIn, dOut, dDict, skip } = dictionary.config;
  const kind = dictionaryKind(dictionary.config);
  const ranked = activation.kind === 'topk' || activation.kind === 'groupmax';
  const odd = [
    !ranked && `has ${activation.kind} features`,
    (kind === 'crosscoder' || kind === 'cross-layer') && `is a ${kind}`,
    normalise && 'normalises its input',
    dIn !== dOut && `writes ${dOut} numbers where it reads ${dIn}`,
  ].find(Boolean);
  if (odd || !ranked) {
    throw badDictionary('this dictionary', `${odd}, which sparsify has no form for`);
  }
  const transcode = kind === 'transcoder';
  const { params } = inForm(dictionary, { centreInput: !transcode });
  return {
    hookpoint: hookpointOf(dictionary.config),
    cfg: {
      activation: activation.kind,
      expansion_factor: Math.max(1, Math.round(dDict / dIn)),
      normalize_decoder: false,
      num_latents: dDict,
      k: activation.k,
      multi_topk: false,
      skip_connection: skip,
      transcode,
      d_in: dIn,
    },
    tensors: {
      'encoder.weight': transpose(params['W_enc.0']),
      'encoder.bias': params.b_enc,
      W_dec: params['W_dec.0'],
      b_dec: params['b_dec.0'],
      ...(skip && { W_skip: transpose(params.W_skip) }),
    },
  };
}
