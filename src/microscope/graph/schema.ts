import { z } from 'zod';

/**
 * The public attribution-graph file: what circuit-tracer writes and Anthropic's and Neuronpedia's front ends
 * read. Unknown fields are kept, so that a file survives being read and written.
 */
const node = z.looseObject({
  node_id: z.string().min(1),
  /** cantor(layer, feature) for features, −1 for errors, position for tokens, vocabulary id for logits. */
  feature: z.number().nullable(),
  layer: z.union([z.string(), z.number()]).transform(String),
  ctx_idx: z.int().min(0),
  feature_type: z.string().min(1),
  token_prob: z.number().optional(),
  is_target_logit: z.boolean().optional(),
  jsNodeId: z.string(),
  /** A label; the format's own word for it. */
  clerp: z.string(),
  influence: z.number().nullable().optional(),
  activation: z.number().nullable().optional(),
});

const link = z.looseObject({ source: z.string(), target: z.string(), weight: z.number() });

const metadata = z.looseObject({
  slug: z.string().min(1),
  scan: z.string().nullable(),
  prompt_tokens: z.array(z.string()),
  prompt: z.string(),
  transcoder_list: z.array(z.string()).optional(),
  node_threshold: z.number().nullable().optional(),
  schema_version: z.int().optional(),
});

/** Lists as circuit-tracer writes them; texts as its front end saves them. */
const qParams = z.looseObject({
  pinnedIds: z.union([z.array(z.string()), z.string()]).optional(),
  /** Each a label followed by node ids. */
  supernodes: z.union([z.array(z.array(z.string())), z.string()]).optional(),
  /** Pairs of a `feature` number and a label. */
  clerps: z.unknown().optional(),
  linkType: z.string().optional(),
  clickedId: z.string().nullable().optional(),
  sg_pos: z.string().optional(),
});

export const graphFileSchema = z.looseObject({
  metadata,
  qParams: qParams.nullable().optional(),
  nodes: z.array(node),
  links: z.array(link),
});

/** A graph file, checked. */
export type GraphFile = z.infer<typeof graphFileSchema>;
/** One node of the file. */
export type GraphFileNode = GraphFile['nodes'][number];
/** One link of the file. */
export type GraphFileLink = GraphFile['links'][number];
