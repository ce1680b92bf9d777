import type { FeatureResponse, ImportedView } from '../../../src/lab/api.ts';
import { tint } from '../../components/shade.ts';
import { tokenLang, tokenText } from '../../components/token.tsx';
import { formatNumber, formatProbability, t } from '../../i18n.ts';

/** What other projects say of the feature, each with its name. */
export function Imported({ data }: { readonly data: FeatureResponse }) {
  const words = t().features.imported;
  return (
    <>
      {data.imported.map((one) => (
        <section key={`${one.format} ${one.source}`} class="feature-imported">
          <h3>
            {words.title(one.source)} <span class="note">{words.about}</span>
          </h3>
          <ul>
            {one.labels.map(({ text, by }) => (
              <li key={text}>
                <span translate={false}>{text}</span>{' '}
                <span class="note">{by === null ? words.unsigned : words.by(by)}</span>
              </li>
            ))}
          </ul>
          <Figures one={one} />
          <Texts one={one} />
        </section>
      ))}
    </>
  );
}

function Figures({ one }: { readonly one: ImportedView }) {
  const words = t().features;
  const list = (tokens: ImportedView['top']) =>
    tokens.map(({ text }) => tokenText(text)).join('  ');
  return (
    <dl class="facts imported-figures">
      {one.density === null ? null : (
        <div>
          <dt>{words.imported.density}</dt>
          <dd class="number">{formatProbability(one.density)}</dd>
        </div>
      )}
      {one.max === null ? null : (
        <div>
          <dt>{words.imported.max}</dt>
          <dd class="number">{formatNumber(one.max, { digits: 3 })}</dd>
        </div>
      )}
      {one.top.length === 0 ? null : (
        <div>
          <dt>{words.top}</dt>
          <dd class="token-text" translate={false}>
            {list(one.top)}
          </dd>
        </div>
      )}
      {one.bottom.length === 0 ? null : (
        <div>
          <dt>{words.bottom}</dt>
          <dd class="token-text" translate={false}>
            {list(one.bottom)}
          </dd>
        </div>
      )}
    </dl>
  );
}

/** Their examples, shaded by their activations. */
function Texts({ one }: { readonly one: ImportedView }) {
  const words = t().features;
  const { groups } = one;
  if (groups.length === 0) return null;
  const most =
    one.max ?? Math.max(...groups.flatMap((g) => g.examples.flatMap((e) => e.activations)));
  return (
    <details>
      <summary>{words.imported.examples}</summary>
      <section
        class="examples-scroll"
        aria-label={words.imported.examples}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must take the keyboard.
        tabIndex={0}
      >
        {groups.map(({ name, examples }) => (
          <ul key={name}>
            {examples.map(({ tokens, activations }, row) => (
              <li key={row} class="shaded">
                {tokens.map((text, i) => (
                  <span
                    key={i}
                    class="token-text"
                    lang={tokenLang(text)}
                    translate={false}
                    title={`${tokenText(text)} ${formatNumber(activations[i], { digits: 3 })}`}
                    style={tint('magnitude', most > 0 ? activations[i] / most : 0)}
                  >
                    {text.replaceAll('\n', '⏎')}
                  </span>
                ))}
              </li>
            ))}
          </ul>
        ))}
      </section>
    </details>
  );
}
