import type { EstimateView, IoiHeadView } from '../../../src/lab/api.ts';
import { Button } from '../../components/controls.tsx';
import { RunSection } from '../../components/run-section.tsx';
import { formatCount, formatNumber, t } from '../../i18n.ts';
import { lock, locked } from '../../state/focus.ts';
import { analysis } from '../../state/run.ts';
import { setState, state } from '../../state/url.ts';
import { isTwoPeople } from '../two-people.ts';
import { draft, roles } from './data.ts';
import { estimateText } from './words.ts';

/** Whether the prompts are about two people, so that roles of heads are worth asking for. */
function fitsPrompt(): boolean {
  if (draft.value.from === 'ioi' || state.headRoles.value === 'yes') return true;
  const prompt = analysis.data.value?.prompt;
  if (prompt === undefined) return false;
  if (prompt.truth?.mechanism === 'indirect-object') return true;
  const { answer } = prompt;
  if (answer?.distractor == null) return false;
  const tokens = prompt.tokens.map(({ id }) => id);
  return isTwoPeople(tokens, { target: answer.target.id, distractor: answer.distractor.id });
}

/** Which heads do what in identifying the indirect object. */
export function Roles() {
  const words = t().circuits;
  if (!fitsPrompt()) return null;
  const on = state.headRoles.value === 'yes';
  return (
    <RunSection
      class="circuit-roles"
      title={words.roles}
      about={words.rolesAbout}
      resource={roles}
      start={
        on ? undefined : (
          <p class="circuit-ways">
            <Button icon="play" onClick={() => setState({ headRoles: 'yes' })}>
              {words.rolesRun}
            </Button>
            <span class="note">{words.rolesHint}</span>
          </p>
        )
      }
      close={{ label: words.checksClose, onClick: () => setState({ headRoles: 'no' }) }}
    >
      {roles.data.value === undefined ? null : <RoleTable />}
    </RunSection>
  );
}

/** From where to where a head looks; the paper's names, the same in every language. */
const LOOKS = {
  endToIo: 'END→IO',
  endToS1: 'END→S1',
  endToS2: 'END→S2',
  s2ToS1: 'S2→S1',
  s2ToS1Next: 'S2→S1+1',
  s1NextToS1: 'S1+1→S1',
} as const;

/** Effects along other paths than the one to the logits. */
const PATHS = [
  'nameMoverQueries',
  'withoutNameMovers',
  'inhibitionValues',
  'inductionKeys',
] as const;

const percent = (value: number) => formatNumber(value, { digits: 2 });

function RoleTable() {
  const words = t().circuits;
  const data = roles.data.value!;
  const { correct, logitDiff, heads, thresholds } = data;
  const order = Object.keys(words.roleNames);
  const rank = ({ roles: [first] }: IoiHeadView) => order.indexOf(first);
  const shown = heads
    .filter((head) => head.roles.length > 0)
    .sort(
      (a, b) =>
        rank(a) - rank(b) || Math.abs(b.effects.logits.value) - Math.abs(a.effects.logits.value),
    );
  return (
    <>
      <p class="note">
        {words.rolesSummary(
          `${formatCount(correct.correct)}/${formatCount(correct.n)}`,
          percent(correct.low),
          percent(correct.high),
          estimateText(logitDiff.clean),
          estimateText(logitDiff.corrupted),
        )}{' '}
        {data.sentences === 'world' ? words.world : words.english}: <q lang="en">{data.sample}</q>
      </p>
      {shown.length === 0 ? (
        <p>{words.noRoles}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must take the keyboard.
        <div class="scroll-x" role="group" aria-label={words.roles} tabIndex={0}>
          <table class="data role-table">
            <thead>
              <tr>
                <th scope="col">{t().terms.head}</th>
                <th scope="col">{words.role}</th>
                <th scope="col">{words.attends}</th>
                <th scope="col" title={words.copiesHint}>
                  {words.copies}
                </th>
                <th scope="col" title={words.toLogitsHint}>
                  {words.toLogits}
                </th>
                <th scope="col">{words.paths}</th>
                <th scope="col">{words.randomTokens}</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((head) => (
                <RoleRow key={`${head.layer}.${head.head}`} row={head} least={thresholds} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      <p class="note">
        {words.rolesShown(formatCount(shown.length), formatCount(heads.length))} {words.places}
      </p>
    </>
  );
}

function RoleRow(props: {
  readonly row: IoiHeadView;
  readonly least: { readonly attention: number; readonly score: number };
}) {
  const { row, least } = props;
  const words = t().circuits;
  const { layer, head, attention, copies, effects, scores } = row;
  const strong = (Object.entries(attention) as [keyof typeof LOOKS, EstimateView][])
    .filter(([, { value }]) => value >= least.attention)
    .sort(([, a], [, b]) => b.value - a.value);
  const paths = PATHS.flatMap((path) => {
    const effect = effects[path];
    return effect === null ? [] : [`${words.effects[path]} ${estimateText(effect)}`];
  });
  const random = (Object.entries(scores) as [keyof typeof words.scores, EstimateView][])
    .filter(([, { value }]) => value >= least.score)
    .map(([name, found]) => `${words.scores[name]} ${estimateText(found)}`);
  const kept = locked.value.head;
  return (
    <tr data-head={`${layer}.${head}`}>
      <td>
        <button
          type="button"
          class="node-button mono"
          aria-pressed={kept?.layer === layer && kept.head === head}
          onClick={() => lock({ head: { layer, head } })}
        >
          a{layer}.h{head}
        </button>
      </td>
      <td>{row.roles.map((role) => words.roleNames[role]).join(', ')}</td>
      <td>
        {strong.map(([look, found]) => (
          <span key={look} class="role-look">
            {LOOKS[look]} <span class="number">{estimateText(found)}</span>
          </span>
        ))}
      </td>
      <td class="number">
        {estimateText({ value: copies.rate, low: copies.low, high: copies.high, n: copies.n })}
      </td>
      <td class="number">{estimateText(effects.logits)}</td>
      <td>{paths.join(', ') || '–'}</td>
      <td>{random.join(', ') || '–'}</td>
    </tr>
  );
}
