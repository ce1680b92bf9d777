import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { GenerateLine } from '../../../src/lab/api.ts';
import { generate, type Problem } from '../../api.ts';
import { Button, Range } from '../../components/controls.tsx';
import { tint } from '../../components/shade.ts';
import { Failure } from '../../components/states.tsx';
import { TokenText } from '../../components/token.tsx';
import { formatCount, formatNumber, formatProbability, t } from '../../i18n.ts';
import { modelName, setState, state } from '../../state/index.ts';

type Written = Extract<GenerateLine, { readonly type: 'token' }>;
type Finish = Extract<GenerateLine, { readonly type: 'done' }>['generation']['finish'];

/** What the model writes after the prompt, token by token as it comes. */
export function Continuation() {
  const words = t().tokens;
  const length = useSignal(24);
  const temperature = useSignal(0);
  const written = useSignal<readonly Written[]>([]);
  const whole = useSignal<string | null>(null);
  const finish = useSignal<Finish | null>(null);
  const problem = useSignal<Problem | null>(null);
  const running = useSignal(false);
  const control = useRef<AbortController>(null);

  const clear = () => {
    control.current?.abort();
    written.value = [];
    whole.value = null;
    finish.value = null;
    problem.value = null;
    running.value = false;
  };
  // Another prompt or model: what was written no longer follows from it.
  useSignalEffect(() => {
    void state.prompt.value;
    void modelName.value;
    clear();
  });
  useEffect(() => () => control.current?.abort(), []);

  const run = async () => {
    clear();
    const abort = new AbortController();
    control.current = abort;
    running.value = true;
    const body = {
      model: modelName.peek(),
      prompt: state.prompt.peek(),
      maxTokens: length.peek(),
      temperature: temperature.peek(),
    };
    try {
      for await (const line of generate(body, abort.signal)) {
        if (line.type === 'token') written.value = [...written.peek(), line];
        else if (line.type === 'error') problem.value = line.error;
        else {
          whole.value = line.generation.text;
          finish.value = line.generation.finish;
        }
      }
    } catch (cause) {
      if (!abort.signal.aborted) throw cause;
      // Only the stop button leaves the tokens; a new prompt has already cleared them.
      if (control.current === abort && written.peek().length > 0) finish.value = 'cancelled';
    } finally {
      if (control.current === abort) running.value = false;
    }
  };
  const text = whole.value ?? written.value.map((token) => token.text).join('');
  return (
    <div class="continuation">
      <div class="continuation-controls">
        {running.value ? (
          <Button icon="stop" onClick={() => control.current?.abort()}>
            {words.stop}
          </Button>
        ) : (
          <Button icon="play" disabled={state.prompt.value === ''} onClick={() => void run()}>
            {words.generate}
          </Button>
        )}
        <Range
          label={words.maxTokens}
          value={length.value}
          min={1}
          max={128}
          step={1}
          format={formatCount}
          onInput={(value) => {
            length.value = value;
          }}
          onChange={(value) => {
            length.value = value;
          }}
        />
        <Range
          label={words.temperature}
          value={temperature.value}
          min={0}
          max={2}
          step={0.1}
          format={(value) => formatNumber(value, { digits: 1 })}
          onInput={(value) => {
            temperature.value = value;
          }}
          onChange={(value) => {
            temperature.value = value;
          }}
        />
        {written.value.length > 0 && !running.value ? (
          <Button icon="plus" onClick={() => setState({ prompt: state.prompt.peek() + text })}>
            {words.takeOver}
          </Button>
        ) : null}
        {finish.value === null ? null : <span class="note">{words.finished[finish.value]}</span>}
      </div>
      {problem.value === null ? null : <Failure problem={problem.value} />}
      <p class="continuation-text" role="status" aria-label={words.continuation}>
        {written.value.map((token, index) =>
          token.text === '' ? null : (
            <span
              key={index}
              class="continuation-token"
              title={`${formatProbability(Math.exp(token.logprob))} · ${formatNumber(-token.logprob)} ${words.nats}`}
              style={tint('uncertain', 0.35 * (1 - Math.exp(token.logprob)))}
            >
              <TokenText text={token.text} />
            </span>
          ),
        )}
      </p>
    </div>
  );
}
