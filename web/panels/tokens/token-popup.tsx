import type { ReadonlySignal } from '@preact/signals';
import type { AnalyseResponse } from '../../../src/lab/api.ts';
import { Popup } from '../../components/popover.tsx';
import { TokenText } from '../../components/token.tsx';
import { formatCount, formatProbability, t } from '../../i18n.ts';
import { hovered, state } from '../../state/index.ts';
import { hexBytes, measureAt } from './measures.ts';
import { Predictions } from './predictions.tsx';
import { measureText } from './strip.tsx';

/** What is known of the token under the pointer: one box that slides along the strip. */
export function TokenPopup(props: {
  readonly data: AnalyseResponse;
  /** The token of the strip that the pointer or the keyboard is on. */
  readonly anchor: ReadonlySignal<HTMLElement | null>;
}) {
  const { data } = props;
  // Esc takes the preview away. A token of B without a partner in A has no position to preview.
  const pointed = props.anchor.value;
  const released = hovered.value === null && pointed?.dataset.position !== undefined;
  const anchor = released || !pointed?.isConnected ? null : pointed;
  const prompt = anchor?.dataset.strip === 'b' ? data.promptB : data.prompt;
  const position = Number(anchor?.dataset.index);
  const token = prompt?.tokens[position];
  const words = t();
  return (
    <Popup
      anchor={token === undefined ? null : anchor}
      clear={() => anchor?.closest('.strip')}
      label={words.tokens.here}
    >
      {token === undefined || prompt === null ? null : (
        <div class="token-popup">
          <p class="token-head">
            <TokenText
              text={prompt.groups[token.group].count > 1 ? hexBytes(token.bytes) : token.text}
            />
            {prompt.groups[token.group].count > 1 ? (
              <span class="note">{words.tokens.partOf(prompt.groups[token.group].text)}</span>
            ) : null}
          </p>
          <dl class="token-facts">
            <Fact name={words.tokens.position} value={formatCount(position)} />
            <Fact name={words.tokens.id} value={String(token.id)} />
            <Fact name={words.tokens.bytes} value={hexBytes(token.bytes)} mono={true} />
            {position === 0 ? null : (
              <>
                <Fact
                  name={words.terms.loss}
                  value={`${measureText('loss', measureAt(prompt, 'loss', position))} ${words.tokens.nats}`}
                />
                <Fact
                  name={words.terms.probability}
                  value={formatProbability(prompt.prob[position])}
                />
                <Fact
                  name={words.tokens.rank}
                  value={measureText('rank', prompt.rank[position])}
                  hint={words.tokens.rankUnit}
                />
              </>
            )}
            <Fact
              name={words.tokens.entropyAfter}
              value={`${measureText('entropy', prompt.entropy[position])} ${words.tokens.nats}`}
            />
          </dl>
          {position === 0 ? <p class="note">{words.tokens.firstToken}</p> : null}
          <p class="note">{words.tokens.predictions}</p>
          <Predictions prompt={prompt} position={position} count={Math.min(5, state.k.value)} />
        </div>
      )}
    </Popup>
  );
}

function Fact(props: {
  readonly name: string;
  readonly value: string;
  readonly mono?: boolean;
  readonly hint?: string;
}) {
  return (
    <div title={props.hint}>
      <dt>{props.name}</dt>
      <dd class={props.mono === true ? 'mono' : 'number'}>{props.value}</dd>
    </div>
  );
}
