import { copyText } from '../components/actions.ts';
import { CodeView } from '../components/code.tsx';
import { formatNumber, t } from '../i18n.ts';
import { analysis, modelInfo } from '../state/run.ts';

/** Where the numbers on the page come from. */
export function ProvenanceStrip() {
  const words = t();
  const source = analysis.data.value?.provenance ?? modelInfo.data.value?.provenance;
  if (source === undefined) return <footer class="provenance" />;
  const { seed, commit, dataHash } = source;
  return (
    <footer class="provenance">
      <h2 class="visually-hidden">{words.shell.provenance}</h2>
      <dl>
        <Fact name={words.common.model} value={source.model} />
        <Hash name={words.shell.modelHash} value={source.modelHash} />
        <Hash name={words.shell.dataHash} value={dataHash} />
        <Fact
          name={words.terms.seed}
          value={seed === null ? words.shell.nothingRandom : `${seed}`}
        />
        <Fact name="Glassbox" value={source.glassboxVersion} />
        <Hash name="commit" value={commit} />
        <Fact
          name={words.shell.computed}
          value={`${formatNumber(source.seconds, { digits: 3 })} s${
            source.cached ? ` (${words.shell.fromCache})` : ''
          }`}
        />
      </dl>
      <code class="command" title={source.command ?? undefined} translate={false} lang="en">
        {source.command}
      </code>
      <CodeView provenance={source} />
    </footer>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd translate={false}>{value}</dd>
    </div>
  );
}

/** The first digits of a hash; a click copies the whole. */
function Hash({ name, value }: { readonly name: string; readonly value: string | null }) {
  const words = t();
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value === null ? (
          words.shell.unknown
        ) : (
          <button
            type="button"
            class="hash"
            title={`${value} · ${words.common.copy}`}
            onClick={() => void copyText(value, words.common.copied)}
          >
            {value.slice(0, 10)}
          </button>
        )}
      </dd>
    </div>
  );
}
