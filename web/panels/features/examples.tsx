import { signal } from '@preact/signals';
import type {
  ExampleView,
  FeatureExampleResponse,
  FeatureResponse,
  Tokens,
} from '../../../src/lab/api.ts';
import { type Call, post, send } from '../../api.ts';
import { Button } from '../../components/controls.tsx';
import { Popup } from '../../components/popover.tsx';
import { tint } from '../../components/shade.ts';
import { TokenText, tokenLang, tokenText } from '../../components/token.tsx';
import { formatCount, formatNumber, formatProbability, t } from '../../i18n.ts';
import { modelName } from '../../state/run.ts';
import { setState, state } from '../../state/url.ts';

/** Likeliest next tokens at every token of a text. */
type Expected = readonly (readonly { readonly text: string; readonly prob: number }[])[];

/** The token that the pointer or the keyboard is on. */
const pointed = signal<{
  readonly anchor: HTMLElement;
  readonly text: string;
  readonly activation: number;
  readonly index: number;
  /** Names the text in {@link expected}. */
  readonly key: string;
} | null>(null);

/** What the model expects along texts, by key; asked for when a token of the text is pointed at. */
const expected = signal<ReadonlyMap<string, Expected | null>>(new Map());

const KEPT = 200;

async function expect<T>(key: string, call: Call<T>, read: (answer: T) => Expected): Promise<void> {
  if (expected.peek().has(key)) return;
  const put = (value: Expected | null) => {
    const next = new Map(expected.peek()).set(key, value);
    for (const old of next.keys()) {
      if (next.size <= KEPT) break;
      next.delete(old);
    }
    expected.value = next;
  };
  put(null);
  const outcome = await send(call);
  if ('data' in outcome) {
    put(read(outcome.data));
    return;
  }
  // Forgotten, so that pointing at the text again asks again.
  const next = new Map(expected.peek());
  next.delete(key);
  expected.value = next;
}

interface Shaded {
  readonly tokens: readonly string[];
  readonly activations: readonly number[];
  readonly max: number;
  readonly textKey: string;
  readonly ask: () => void;
  /** Whether its tokens are those of the prompt. */
  readonly linked?: boolean;
  readonly label: string;
}

/** Tokens shaded by activation. Pointing at one, or stepping to it with the arrows, tells more. */
function ShadedTokens(props: Shaded) {
  const { tokens, activations, max } = props;
  const show = (anchor: HTMLElement) => {
    const index = Number(anchor.dataset.index);
    props.ask();
    pointed.value = {
      anchor,
      index,
      text: tokens[index],
      activation: activations[index],
      key: props.textKey,
    };
  };
  const step = (event: KeyboardEvent & { readonly currentTarget: HTMLElement }) => {
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
    event.preventDefault();
    const all = [...event.currentTarget.querySelectorAll<HTMLElement>('[data-index]')];
    const now = pointed.value?.key === props.textKey ? pointed.value.index : -1;
    const next =
      all[Math.min(all.length - 1, Math.max(0, now + (event.key === 'ArrowLeft' ? -1 : 1)))];
    next?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    if (next) show(next);
  };
  const hide = () => {
    pointed.value = null;
  };
  const over = (event: PointerEvent) => {
    const token = (event.target as HTMLElement).closest<HTMLElement>('[data-index]');
    if (token !== null && token !== pointed.peek()?.anchor) show(token);
  };
  return (
    <span
      class="shaded-tokens"
      role="group"
      aria-label={props.label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrows step through its tokens.
      tabIndex={0}
      onKeyDown={step}
      onBlur={hide}
      onPointerOver={over}
      onPointerLeave={hide}
    >
      {tokens.map((text, index) => (
        <span
          key={index}
          data-index={index}
          class="token-text"
          lang={tokenLang(text)}
          translate={false}
          data-position={props.linked ? index : undefined}
          style={tint('magnitude', activations[index] / Math.max(max, 1e-12))}
        >
          {text.replaceAll('\n', '⏎')}
        </span>
      ))}
    </span>
  );
}

/** A text of the reader's shaded by activation, with the largest value written. */
export function OnText(props: {
  readonly on: Tokens & { readonly activations: readonly number[] };
  readonly kind: 'prompt' | 'own';
}) {
  const words = t().features;
  const { tokens, activations } = props.on;
  const most = activations.reduce((a, b) => Math.max(a, b), 0);
  const prompt = tokens.map(({ id }) => id);
  const key = `text ${modelName.value ?? ''} ${prompt.join(' ')}`;
  return (
    <p class="shaded">
      <ShadedTokens
        tokens={tokens.map(({ text }) => text)}
        activations={activations}
        max={most}
        textKey={key}
        linked={props.kind === 'prompt'}
        label={props.kind === 'prompt' ? words.here : words.own}
        ask={() =>
          void expect(
            key,
            post('/api/analyse', { model: modelName.value, prompt, topK: 5 }),
            (answer) => answer.prompt.next.map((list) => list.slice(0, 5)),
          )
        }
      />{' '}
      <span class="note number">{words.max(formatNumber(most, { digits: 3 }))}</span>
    </p>
  );
}

function exampleKey(dictionary: string, { row, start, tokens }: ExampleView): string {
  return `row ${modelName.value ?? ''} ${dictionary} ${row} ${start} ${tokens.length}`;
}

function askExample(dictionary: string, example: ExampleView): void {
  const { row, start, tokens } = example;
  const count = tokens.length;
  void expect<FeatureExampleResponse>(
    exampleKey(dictionary, example),
    post('/api/feature-example', {
      model: modelName.value,
      dictionary,
      row,
      start,
      count,
      topK: 5,
    }),
    ({ next }) => next,
  );
}

/** Examples over the corpus, or how to get them. */
export function Examples({ data }: { readonly data: FeatureResponse }) {
  const words = t().features;
  const { harvest, dictionary } = data;
  if (harvest === null) {
    return (
      <p class="note">
        {words.noHarvest} <code>glassbox dict harvest</code>
      </p>
    );
  }
  return (
    <section>
      <h3>
        {words.examples}{' '}
        <span class="note">
          {words.harvested(
            formatCount(harvest.tokens),
            formatProbability(harvest.density),
            formatCount(harvest.fired),
          )}{' '}
          · {words.max(formatNumber(harvest.max, { digits: 3 }))}
        </span>
      </h3>
      <section
        class="examples-scroll"
        aria-label={words.examples}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must take the keyboard.
        tabIndex={0}
      >
        {harvest.groups.map(({ name, low, high, share: part, examples }) => (
          <div key={name} class="examples">
            <p class="note">
              {name === 'top'
                ? words.topExamples
                : words.interval(
                    formatNumber(low, { digits: 2 }),
                    formatNumber(high, { digits: 2 }),
                    formatProbability(part),
                  )}
            </p>
            <ul>
              {examples.map((example) => (
                <li key={`${example.row} ${example.start}`}>
                  <span class="number note">
                    {formatNumber(example.activations[example.at], { digits: 2 })}
                  </span>{' '}
                  <ShadedTokens
                    tokens={example.tokens}
                    activations={example.activations}
                    max={harvest.max}
                    textKey={exampleKey(dictionary, example)}
                    label={words.example}
                    ask={() => askExample(dictionary, example)}
                  />
                  <Button
                    kind="quiet"
                    label={words.tryExample}
                    onClick={() => setState({ ownText: example.tokens.join('') })}
                  >
                    ↑
                  </Button>
                </li>
              ))}
            </ul>
          </div>
        ))}
      </section>
    </section>
  );
}

/** One box that slides along the tokens of all texts: activation, what comes next, what the feature adds. */
export function TokenDetails({ data }: { readonly data: FeatureResponse }) {
  const words = t().features;
  const { value } = pointed;
  const anchor = value?.anchor.isConnected ? value.anchor : null;
  const next = value === null ? undefined : expected.value.get(value.key)?.[value.index];
  // A change of the text or of the feature takes the tokens away under the pointer.
  void state.feature.value;
  return (
    <Popup anchor={anchor} label={words.tokenDetails}>
      {value === null ? null : (
        <div class="feature-token">
          <p>
            <TokenText text={value.text} />{' '}
            <span class="note">
              {words.activation}{' '}
              <b class="number">{formatNumber(value.activation, { digits: 3 })}</b>
            </span>
          </p>
          <table class="data">
            <caption>{words.expected}</caption>
            <tbody>
              {next === undefined ? (
                <tr>
                  <td class="note">{t().common.loading}</td>
                </tr>
              ) : (
                next.map(({ text, prob }) => (
                  <tr key={text}>
                    <td>
                      <TokenText text={text} />
                    </td>
                    <td class="number">{formatProbability(prob)}</td>
                  </tr>
                ))
              )}
            </tbody>
          </table>
          {value.activation > 0 && data.top.length > 0 ? (
            <p class="note">
              {words.adds}{' '}
              {data.top.slice(0, 5).map(({ id, text, value: weight }) => (
                <span key={id} class="added">
                  <span class="token-text">{tokenText(text)}</span>{' '}
                  <span class="number">
                    {formatNumber(weight * value.activation, { signed: true, digits: 1 })}
                  </span>{' '}
                </span>
              ))}
            </p>
          ) : null}
        </div>
      )}
    </Popup>
  );
}
