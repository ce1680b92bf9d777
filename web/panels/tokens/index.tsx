import { signal } from '@preact/signals';
import type { AnalysedPrompt, AnalyseResponse } from '../../../src/lab/api.ts';
import { Button, Segments } from '../../components/controls.tsx';
import { Panel } from '../../components/panel.tsx';
import { Empty } from '../../components/states.tsx';
import { TokenText } from '../../components/token.tsx';
import { Value } from '../../components/value.tsx';
import { formatCount, formatProbability, t } from '../../i18n.ts';
import { Truth } from '../../shell/gallery.tsx';
import { analysis, focus, frozen, SHADES, setState, state } from '../../state/index.ts';
import { TokenChoiceField } from './choice.tsx';
import { Continuation } from './continuation.tsx';
import { tokenExports } from './exports.ts';
import { shadeScale } from './measures.ts';
import { Predictions } from './predictions.tsx';
import { PromptEditor } from './prompt-editor.tsx';
import { measureText, TokenStrip } from './strip.tsx';
import { TokenPopup } from './token-popup.tsx';
import './tokens.css';

/** The token of the strip that the pointer or the keyboard is on. */
const anchor = signal<HTMLElement | null>(null);

function track(event: Event): void {
  if (frozen.peek()) return;
  const { target } = event;
  anchor.value =
    target instanceof Element ? target.closest<HTMLElement>('[data-strip][data-index]') : null;
}

function drop(): void {
  if (!frozen.peek()) anchor.value = null;
}

/** Region 1: the prompt, its tokens, what follows, and the choice of target and distractor. */
export function TokensPanel() {
  const words = t().tokens;
  const data = analysis.data.value;
  const none = state.prompt.value === '';
  const shades = SHADES.map((value) => ({
    value,
    label: words.shades[value],
    hint: words.shadeHints[value],
  }));
  return (
    <Panel
      id="tokens"
      title={words.title}
      about={words.about}
      resources={[analysis]}
      lead={<Prompts />}
      exports={data === undefined ? undefined : tokenExports(data)}
      controls={
        <>
          <Segments
            label={words.shadeBy}
            value={state.shade.value}
            options={shades}
            onChange={(shade) => setState({ shade })}
          />
          {data === undefined ? null : <Legend data={data} />}
          <TokenChoiceField field="target" />
          <TokenChoiceField field="distractor" />
        </>
      }
    >
      <div onPointerOver={track} onFocusIn={track} onFocusOut={drop} onPointerLeave={drop}>
        {data === undefined ? (
          none ? (
            <Empty>{words.write}</Empty>
          ) : (
            <div class="strip waiting" />
          )
        ) : (
          <Answer data={data} />
        )}
      </div>
    </Panel>
  );
}

function Prompts() {
  const words = t().tokens;
  const double = state.promptB.value !== '';
  const comparing = comparingOpen.value || double;
  return (
    <div class="prompts">
      <PromptEditor
        id="prompt"
        field="prompt"
        label={comparing ? 'A' : words.promptLabel}
        hint={words.promptHint}
      />
      {comparing ? (
        <PromptEditor id="prompt-b" field="promptB" label="B" hint={words.promptHint} />
      ) : null}
      <div class="prompt-actions">
        {comparing ? (
          <>
            <Button
              kind="quiet"
              icon="swap"
              label={words.swap}
              disabled={!double}
              onClick={() =>
                setState({ prompt: state.promptB.peek(), promptB: state.prompt.peek() })
              }
            />
            <Button
              kind="quiet"
              icon="close"
              label={words.stopComparing}
              onClick={() => {
                comparingOpen.value = false;
                setState({ promptB: '' });
              }}
            />
          </>
        ) : (
          <Button
            kind="quiet"
            icon="plus"
            onClick={() => {
              comparingOpen.value = true;
            }}
          >
            {words.compare}
          </Button>
        )}
      </div>
    </div>
  );
}

/** True while an empty field for prompt B is open; with text in it, the address says so. */
const comparingOpen = signal(false);

function Answer({ data }: { readonly data: AnalyseResponse }) {
  const words = t();
  const { prompt, promptB } = data;
  return (
    <div class="tokens-answer">
      <div class="tokens-left">
        <TokenStrip data={data} />
        <Summary data={data} />
        {prompt.truth === null ? null : <Truth truth={prompt.truth} />}
        <Continuation />
      </div>
      <NextTokens prompt={prompt} />
      <TokenPopup data={data} anchor={anchor} />
      <p class="visually-hidden" role="status">
        {words.tokens.tokenCount(formatCount(prompt.tokens.length))}
        {promptB === null ? '' : ` / ${formatCount(promptB.tokens.length)}`}
      </p>
    </div>
  );
}

/** What follows the token in focus. By itself, so that the strip is not drawn anew at every hover. */
function NextTokens({ prompt }: { readonly prompt: AnalysedPrompt }) {
  const words = t().tokens;
  const last = prompt.tokens.length - 1;
  const position = Math.min(focus.value.position ?? last, last);
  return (
    <section class="tokens-next" aria-label={words.predictions}>
      <h3>
        {words.after} <span class="number note">{formatCount(position)}</span>{' '}
        <TokenText text={prompt.groups[prompt.tokens[position].group].text} />
      </h3>
      <Predictions prompt={prompt} position={position} count={state.k.value} choosable={true} />
      <p class="note">{words.chooseHint}</p>
    </section>
  );
}

/** The figures of the whole prompt, and of the second one beside them. */
function Summary({ data }: { readonly data: AnalyseResponse }) {
  const words = t();
  const { prompt, promptB, alignment } = data;
  const prompts = promptB === null ? [prompt] : [prompt, promptB];
  const differing = alignment?.filter(({ same }) => !same).length ?? 0;
  return (
    <div class="summary">
      {prompts.map((one, index) => (
        <p key={index}>
          {promptB === null ? null : <strong>{'AB'[index]}</strong>}
          <span>{words.tokens.tokenCount(formatCount(one.tokens.length))}</span>
          <span>
            {words.tokens.meanLoss} <Value value={one.meanLoss} unit={words.tokens.nats} />{' '}
            <span class="unit">n = {formatCount(Math.max(0, one.tokens.length - 1))}</span>
          </span>
          {one.answer === null ? null : (
            <>
              <span>
                p(
                <TokenText text={one.answer.target.text} />){' '}
                <span class="number">{formatProbability(one.answer.targetProb)}</span>
              </span>
              <span>
                {one.answer.distractor === null ? (
                  words.tokens.logProb
                ) : (
                  <>
                    {words.terms.logitDifference} <TokenText text={one.answer.target.text} /> −{' '}
                    <TokenText text={one.answer.distractor.text} />
                  </>
                )}{' '}
                <Value
                  value={one.answer.metric}
                  unit={one.answer.unit === 'nats' ? words.tokens.nats : words.tokens.logits}
                  signed={one.answer.unit === 'logits'}
                />
              </span>
            </>
          )}
        </p>
      ))}
      {promptB === null ? null : (
        <p class="note">{words.tokens.differing(formatCount(differing))}</p>
      )}
    </div>
  );
}

/** The ends of the shading with their unit. */
function Legend({ data }: { readonly data: AnalyseResponse }) {
  const shade = state.shade.value;
  const prompts = data.promptB === null ? [data.prompt] : [data.prompt, data.promptB];
  const { ends } = shadeScale(prompts, shade);
  // Ranks are numbered from 1 for people; the scale's ends are so already.
  const [low, high] = shade === 'rank' ? [ends[0] - 1, ends[1] - 1] : ends;
  return (
    <span class="legend">
      <span class="number">{measureText(shade, low)}</span>
      <span class="legend-bar" aria-hidden="true" />
      <span class="number">{measureText(shade, high)}</span>
      <span class="unit">{t().tokens.units[shade]}</span>
    </span>
  );
}
