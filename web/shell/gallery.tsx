import type { Example } from '../../src/lab/api.ts';
import { tokenLang } from '../components/token.tsx';
import { t } from '../i18n.ts';
import { byMechanism, currentExample, exampleList, openExample } from './examples.ts';

/** The mechanisms of the built-in world, each a click away, with the right answer where it is known. */
export function Gallery() {
  const groups = byMechanism(exampleList.value);
  if (groups.size === 0) return null;
  return (
    <section class="gallery" aria-label={t().shell.examples}>
      <h2>{t().shell.examples}</h2>
      <ul>
        {[...groups].map(([mechanism, list]) => (
          <Mechanism key={mechanism} mechanism={mechanism} list={list} />
        ))}
      </ul>
    </section>
  );
}

/** One mechanism; a further click opens its next example. */
function Mechanism(props: { readonly mechanism: string; readonly list: readonly Example[] }) {
  const { list } = props;
  const open = currentExample.value;
  const at = open === undefined ? -1 : list.indexOf(open);
  const next = list[(at + 1) % list.length];
  return (
    <li>
      <button
        type="button"
        class="example"
        aria-pressed={at >= 0}
        title={next.prompt}
        onClick={() => openExample(next)}
      >
        {mechanismName(props.mechanism)}
        {list.length > 1 ? (
          <span class="note number">{at >= 0 ? `${at + 1}/${list.length}` : list.length}</span>
        ) : null}
      </button>
    </li>
  );
}

/** A mechanism in the reader's language; one that the page does not know keeps its own name. */
export function mechanismName(mechanism: string): string {
  const names: Readonly<Record<string, string>> = t().mechanisms;
  return names[mechanism] ?? mechanism;
}

function roleName(role: string): string {
  const names: Readonly<Record<string, string>> = t().roles;
  return names[role] ?? role;
}

/** What the built-in world knows about the prompt: the right answer and the steps to it. */
export function Truth({ truth }: { readonly truth: NonNullable<Example['truth']> }) {
  const steps = Object.entries(truth.entities);
  return (
    <p class={`truth${truth.mechanism.endsWith('-hop') ? ' path' : ''}`}>
      <span class="truth-label">{mechanismName(truth.mechanism)}</span>
      {steps.map(([role, entity]) => (
        <span key={role} class="truth-step">
          <span class="note">{roleName(role)}</span> <span lang={tokenLang(entity)}>{entity}</span>
        </span>
      ))}
      <span class="truth-step">
        <span class="note">{t().shell.rightAnswer}</span>{' '}
        <strong lang={tokenLang(truth.answer)}>{truth.answer}</strong>
      </span>
      {truth.knows === null ? null : (
        <span class="truth-step">
          <span class="note">{t().shell.inTruth}</span> <strong>{truth.knows}</strong>
        </span>
      )}
    </p>
  );
}
