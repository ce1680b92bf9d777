import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GlassboxError } from '../base/error.ts';
import { writeFileAtomic } from '../base/files.ts';
import { isRecord } from '../base/json.ts';
import { openSafetensors, readAll, writeSafetensors } from '../base/safetensors/index.ts';
import { type LoraAdapter, lora } from './lora.ts';
import type { Params } from './params.ts';

const WEIGHTS = 'adapter_model.safetensors';
const CONFIG = 'adapter_config.json';
const PREFIX = 'base_model.model.';

/** `model.layers.0.q_proj.weight` → `base_model.model.model.layers.0.q_proj`. */
function moduleOf(weight: string): string {
  return PREFIX + weight.replace(/\.weight$/, '');
}

/**
 * Writes adapters in the folder layout of the `peft` library: `adapter_model.safetensors` and
 * `adapter_config.json`. All adapters must share rank, alpha and layout, as there.
 */
export async function writeLora(
  folder: string,
  options: {
    readonly adapters: readonly LoraAdapter[];
    readonly params: Params;
    /** Name or path of the model the adapters belong to. */
    readonly baseModel: string;
  },
): Promise<void> {
  const { adapters, params, baseModel } = options;
  const [first] = adapters;
  const same = ({ rank, alpha, inAxis }: LoraAdapter) =>
    rank === first.rank && alpha === first.alpha && inAxis === first.inAxis;
  if (!first || !adapters.every(same)) {
    throw badAdapter(folder, 'cannot hold no adapters, or ones of different rank, alpha or layout');
  }
  await mkdir(folder, { recursive: true });
  const tensors = adapters.flatMap(({ weight, a, b }) =>
    [['lora_A', a] as const, ['lora_B', b] as const].map(([part, name]) => {
      const { shape, data } = params[name];
      return [`${moduleOf(weight)}.${part}.weight`, { shape, data: data as Float32Array }] as const;
    }),
  );
  await writeSafetensors(join(folder, WEIGHTS), new Map(tensors));
  const config = {
    peft_type: 'LORA',
    base_model_name_or_path: baseModel,
    r: first.rank,
    lora_alpha: first.alpha,
    lora_dropout: 0,
    bias: 'none',
    fan_in_fan_out: first.inAxis === 0,
    target_modules: [
      ...new Set(adapters.map(({ weight }) => moduleOf(weight).slice(PREFIX.length))),
    ],
  };
  await writeFileAtomic(join(folder, CONFIG), `${JSON.stringify(config, null, 2)}\n`);
}

/**
 * Reads adapters in that layout, for weights of these names and shapes.
 *
 * @throws GlassboxError `bad-adapter` when config and weights do not fit together or to the model
 */
export async function readLora(
  folder: string,
  weights: Readonly<Record<string, { readonly shape: readonly number[] }>>,
): Promise<{ adapters: LoraAdapter[]; params: Params }> {
  const config = await readConfig(folder);
  const source = await openSafetensors(join(folder, WEIGHTS));
  const tensors = await readAll(source).finally(() => source.close());
  const adapters: LoraAdapter[] = [];
  const params: Record<string, Params[string]> = {};
  const expected = new Set(tensors.keys());
  for (const weight of Object.keys(weights)) {
    const names = ['lora_A', 'lora_B'].map((part) => `${moduleOf(weight)}.${part}.weight`);
    if (!names.some((name) => tensors.has(name))) continue;
    const adapter = lora(weights, weight, config);
    const { rank, shape, inAxis } = adapter;
    const shapes = [
      [rank, shape[inAxis]],
      [shape[1 - inAxis], rank],
    ];
    for (const [i, key] of ([adapter.a, adapter.b] as const).entries()) {
      const tensor = tensors.get(names[i]);
      if (tensor?.shape.join() !== shapes[i].join()) {
        const found = tensor ? `[${tensor.shape.join(', ')}]` : 'absent';
        throw badAdapter(folder, `has ${names[i]} ${found}, expected [${shapes[i].join(', ')}]`);
      }
      params[key] = { dtype: 'float32', shape: tensor.shape, data: tensor.data as Float32Array };
      expected.delete(names[i]);
    }
    adapters.push(adapter);
  }
  const [stray] = expected;
  if (stray !== undefined)
    throw badAdapter(folder, `has ${stray}, which this model has no place for`);
  return { adapters, params };
}

async function readConfig(folder: string): Promise<{ rank: number; alpha: number; inAxis: 0 | 1 }> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(join(folder, CONFIG), 'utf8'));
  } catch (error) {
    throw badAdapter(folder, `has no readable ${CONFIG}: ${(error as Error).message}`);
  }
  const { peft_type, r, lora_alpha, fan_in_fan_out } = isRecord(json) ? json : {};
  if (peft_type !== 'LORA' || typeof r !== 'number' || typeof lora_alpha !== 'number') {
    throw badAdapter(folder, `needs peft_type "LORA", r and lora_alpha in ${CONFIG}`);
  }
  return { rank: r, alpha: lora_alpha, inAxis: fan_in_fan_out === true ? 0 : 1 };
}

function badAdapter(folder: string, problem: string): GlassboxError {
  return new GlassboxError(`${folder} ${problem}`, {
    code: 'bad-adapter',
    remedy: 'Point to a LoRA folder that was made for this model.',
    details: { folder },
  });
}
