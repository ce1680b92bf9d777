import type { ProgressListener } from '../../../base/progress.ts';
import type { Model } from '../../../model/model.ts';
import { acdc, type CircuitExample } from '../../circuits/index.ts';
import { circuitRates, publishedCircuit } from './published-circuit.ts';
import type { IoiReference, ReferenceFigure } from './types.ts';

/**
 * Runs ACDC at the published thresholds and shows edges and rates beside the published ones. They are not judged: the
 * published run used sentences that are not published, and its rates move with them.
 *
 * @param examples with the corruption `abc`, in the order ABBA, as in the published run
 * @throws GlassboxError as ACDC does
 */
export async function compareAcdc(
  model: Model,
  reference: Pick<IoiReference, 'acdc' | 'roles'>,
  options: {
    readonly examples: readonly CircuitExample[];
    readonly progress?: ProgressListener;
    readonly signal?: AbortSignal;
  },
): Promise<ReferenceFigure[]> {
  const { examples, progress, signal } = options;
  const figures: ReferenceFigure[] = [];
  for (const published of reference.acdc ?? []) {
    const { metric, threshold } = published;
    const found = await acdc(model, examples, { metric, threshold, progress, signal });
    const { graph, mask } = found;
    const rates = circuitRates(graph, mask, publishedCircuit(graph, reference.roles));
    const show = (what: string, expected: number | undefined, value: number) => {
      if (expected === undefined) return;
      figures.push({
        what: `ACDC ${metric} ${threshold}: ${what}`,
        expected,
        found: value,
        ok: null,
      });
    };
    show('edges', published.edges, rates.edges);
    show('true positive rate', published.truePositiveRate, rates.truePositiveRate);
    show('false positive rate', published.falsePositiveRate, rates.falsePositiveRate);
    show('precision', published.precision, rates.precision);
    show('true positive rate of nodes', published.nodeTruePositiveRate, rates.nodeTruePositiveRate);
    show(
      'false positive rate of nodes',
      published.nodeFalsePositiveRate,
      rates.nodeFalsePositiveRate,
    );
    show('divergence', published.divergence, -found.metric.circuit);
  }
  return figures;
}
