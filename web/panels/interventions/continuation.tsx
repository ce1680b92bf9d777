import { computed, effect, signal, untracked } from '@preact/signals';
import type { GenerateRequest, Provenance } from '../../../src/lab/api.ts';
import { generate, type Problem } from '../../api.ts';
import { Select } from '../../components/controls.tsx';
import { Failure } from '../../components/states.tsx';
import { TokenText } from '../../components/token.tsx';
import { formatCount, t } from '../../i18n.ts';
import { modelName } from '../../state/run.ts';
import { setState, state } from '../../state/url.ts';
import { active } from './data.ts';
import { type DiffPiece, diffTokens } from './diff.ts';

const LENGTHS = ['0', '16', '32', '64', '128'] as const;

interface Written {
  /** Whole characters; the tokens of one character are one piece once the text is complete. */
  readonly pieces: readonly string[];
  readonly done: boolean;
  readonly provenance?: Provenance;
}

/** A continuation that is written anew whenever what `ask` reads changes. */
function follow(ask: () => GenerateRequest | undefined) {
  const written = signal<Written>({ pieces: [], done: false });
  const problem = signal<Problem | undefined>(undefined);
  let running: AbortController | undefined;
  let asked = '';
  const run = async (body: GenerateRequest, control: AbortController) => {
    const pieces: string[] = [];
    for await (const line of generate(body, control.signal)) {
      if (control.signal.aborted) return;
      if (line.type === 'error') problem.value = line.error;
      else if (line.type === 'token') {
        pieces.push(line.text);
        written.value = { pieces: [...pieces], done: false };
      } else {
        const { groups } = line.generation;
        const { provenance } = line;
        written.value = { pieces: groups.map(({ text }) => text), done: true, provenance };
      }
    }
  };
  effect(() => {
    const body = ask();
    const key = JSON.stringify(body ?? null);
    if (key === asked) return;
    asked = key;
    running?.abort();
    untracked(() => {
      problem.value = undefined;
      written.value = { pieces: [], done: false };
      if (body === undefined) return;
      const control = new AbortController();
      running = control;
      run(body, control).catch((cause: unknown) => {
        if (!control.signal.aborted) throw cause;
      });
    });
  });
  return { written, problem };
}

const request = (): GenerateRequest | undefined => {
  const maxTokens = state.length.value;
  if (state.prompt.value === '' || active.value.length === 0 || maxTokens === 0) return undefined;
  return { model: modelName.value, prompt: state.prompt.value, maxTokens };
};

/** What the model writes without the edits. */
export const before = follow(request);
/** What it writes with them. */
export const after = follow(() => {
  const plain = request();
  return plain && { ...plain, edits: active.value };
});

const difference = computed(() => {
  const one = before.written.value.pieces;
  const two = after.written.value.pieces;
  return diffTokens(one, two);
});

/** Two short continuations and where they part. */
export function Continuations() {
  const words = t().interventions;
  const problem = after.problem.value ?? before.problem.value;
  const done = before.written.value.done && after.written.value.done;
  // Nothing is awaited where none is asked for, nor after a failure.
  const busy = !done && problem === undefined && request() !== undefined;
  const same = done && difference.value.every(({ kind }) => kind === 'same');
  const lengths = LENGTHS.includes(String(state.length.value) as (typeof LENGTHS)[number])
    ? LENGTHS
    : [...LENGTHS, String(state.length.value)];
  return (
    <section class="continuations" aria-busy={busy}>
      <h3>
        {words.continuation} <span class="note">{words.continuationAbout}</span>
      </h3>
      <Select
        label={words.continuationLength}
        value={String(state.length.value)}
        options={lengths.map((value) => ({
          value,
          label: value === '0' ? words.continuationNone : formatCount(Number(value)),
        }))}
        onChange={(value) => setState({ length: Number(value) })}
      />
      {problem === undefined ? null : <Failure problem={problem} />}
      {state.length.value === 0 ? null : (
        <dl>
          <dt>{t().terms.before}</dt>
          <dd>
            <Side pieces={difference.value} side="before" />
          </dd>
          <dt>{t().terms.after}</dt>
          <dd>
            {same ? (
              <em class="note">{words.same}</em>
            ) : (
              <Side pieces={difference.value} side="after" />
            )}
          </dd>
        </dl>
      )}
    </section>
  );
}

function Side({
  pieces,
  side,
}: {
  readonly pieces: readonly DiffPiece[];
  readonly side: 'before' | 'after';
}) {
  return (
    <>
      {runs(pieces.filter(({ kind }) => kind === 'same' || kind === side)).map(
        ({ kind, texts }, i) =>
          kind === 'same' ? (
            <TokenText key={i} text={texts.join('')} />
          ) : kind === 'before' ? (
            <del key={i}>
              <span class="sign">−</span>
              <TokenText text={texts.join('')} />
            </del>
          ) : (
            <ins key={i}>
              <span class="sign">+</span>
              <TokenText text={texts.join('')} />
            </ins>
          ),
      )}
    </>
  );
}

/** Neighbouring pieces of one kind together, so that a change of many tokens has one sign. */
function runs(pieces: readonly DiffPiece[]): { kind: DiffPiece['kind']; texts: string[] }[] {
  const out: { kind: DiffPiece['kind']; texts: string[] }[] = [];
  for (const { kind, text } of pieces) {
    const last = out.at(-1);
    if (last?.kind === kind) last.texts.push(text);
    else out.push({ kind, texts: [text] });
  }
  return out;
}
