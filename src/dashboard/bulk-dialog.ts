/** Dialog of many cases: one decision with one note, sent one after another, with the result of each. */
import { type Refusal, refusalWords } from './api.js';
import { ACTIONS, type Action, actionsFor, nameOf, STATUS_WORDS } from './case-words.js';
import { type Decision, decisionForm, sendDecision } from './decide.js';
import { byId, make, say, whenClosed } from './dom.js';
import type { Hit, Status } from './types.js';
import { count } from './words.js';

const dialog = byId<HTMLDialogElement>('case-dialog');

/** Refusals that concern one case: it is gone, or another person decided. After any other the rest would be refused too. */
const OF_ONE_CASE = [404, 409];

const AWAY = 'The service is unreachable. What is not recorded is kept here, and sent again until the service answers.';

const cases = (number: number) => `${count(number)} case${number === 1 ? '' : 's'}`;

/** The cases with the state or the result of each. */
function resultList(hits: readonly Hit[]) {
  const lines = new Map(hits.map((hit) => [hit.id, make('small', { class: 'soft' }, STATUS_WORDS[hit.status])]));
  const element = make(
    'section',
    { class: 'bulk', tabindex: '0', 'aria-label': 'Cases' },
    make('ol', {}, ...hits.map((hit) => make('li', {}, make('span', {}, nameOf(hit)), lines.get(hit.id)!))),
  );
  return { element, set: ({ id }: Hit, words: string) => say(lines.get(id)!, words) };
}

interface Run {
  readonly list: ReturnType<typeof resultList>;
  readonly isOpen: () => boolean;
  /** With what is recorded so far. */
  readonly onProgress: (words: string) => void;
  /** With the words about the service being away; empty once it answers. */
  readonly onAway: (words: string) => void;
  readonly onDecided: (hit: Hit) => void;
}

/**
 * Send the decision about each case until it is answered; cases that are recorded leave `left`. Result: how many were refused,
 * and why the rest was not sent, or null.
 */
async function sendAll(
  left: Map<string, Hit>,
  decision: Decision,
  { list, isOpen, onProgress, onAway, onDecided }: Run,
): Promise<{ readonly refused: number; readonly stopped: Refusal | null }> {
  const all = left.size;
  let refused = 0;
  for (const hit of [...left.values()]) {
    list.set(hit, 'is being sent…');
    const answer = await sendDecision(hit, decision, { onAway: () => onAway(AWAY), isOpen });
    onAway('');
    if (answer === null) break;
    if ('ok' in answer) {
      refused++;
      list.set(hit, `refused: ${refusalWords(answer).join(' ').trim()}`);
      if (!OF_ONE_CASE.includes(answer.status)) return { refused, stopped: answer };
    } else {
      left.delete(hit.id);
      list.set(hit, `recorded: ${STATUS_WORDS[answer.status]}`);
      onDecided(answer);
      onProgress(`${count(all - left.size)} of ${count(all)} recorded.`);
    }
    if (!isOpen()) break;
  }
  return { refused, stopped: null };
}

function endWords(recorded: number, left: number, { refused, stopped }: Awaited<ReturnType<typeof sendAll>>): string {
  const parts = [`${count(recorded)} recorded, ${count(refused)} refused.`];
  if (stopped) parts.push(`${count(left - refused)} not sent: ${refusalWords(stopped)[0]}`);
  parts.push(`${cases(left)} stay${left === 1 ? 's' : ''} marked; Save sends ${left === 1 ? 'it' : 'them'} again.`);
  return parts.join(' ');
}

/** The actions that at least one of the cases allows; one that others do not allow says so. */
function actionsOf(hits: readonly Hit[]): readonly Action[] {
  return ACTIONS.flatMap((action) => {
    const able = hits.filter((hit) => actionsFor(hit).includes(action)).length;
    if (able === 0) return [];
    return [
      able === hits.length
        ? action
        : { ...action, says: `For ${count(able)} of ${cases(hits.length)}. ${action.says}` },
    ];
  });
}

/**
 * Open the dialog; resolve to the number of decided cases once it is closed. `chosen`: the preselected action. `onDecided`:
 * for each recorded decision. `onLost`: with the words about decisions that had no answer when it was closed.
 */
export function openMarked(
  hits: readonly Hit[],
  {
    chosen,
    onDecided,
    onLost,
  }: {
    readonly chosen: Status | null;
    readonly onDecided: (hit: Hit) => void;
    readonly onLost: (words: string) => void;
  },
): Promise<number> {
  const left = new Map(hits.map((hit) => [hit.id, hit]));
  const list = resultList(hits);
  const { form, save, close, problem, decision } = decisionForm(actionsOf(hits), chosen, { maySuppress: false });
  const progress = make('p', { class: 'hint' });
  dialog.replaceChildren(
    make('p', { class: 'trouble', role: 'alert', hidden: '' }),
    make('h2', { id: 'case-dialog-title' }, `Decide about ${cases(hits.length)}`),
    list.element,
    progress,
    form,
  );
  const opener = document.activeElement as HTMLElement | null;
  return new Promise((resolve) => {
    let waiting: Decision | null = null;
    close.addEventListener('click', () => dialog.close());
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const decided = decision();
      if (decided === null || waiting !== null) return;
      waiting = decided;
      save.disabled = true;
      const end = await sendAll(left, decided, {
        list,
        isOpen: () => form.isConnected,
        onProgress: (words) => say(progress, words),
        onAway: (words) => say(problem, words),
        onDecided,
      });
      waiting = null;
      if (!form.isConnected) return;
      save.disabled = false;
      if (left.size === 0) dialog.close();
      else say(problem, endWords(hits.length - left.size, left.size, end));
    });
    whenClosed(dialog, () => {
      if (!dialog.open) {
        dialog.replaceChildren();
        if (opener?.isConnected) opener.focus();
      }
      if (waiting !== null)
        onLost(
          `The decision “${STATUS_WORDS[waiting.status]}” was not sent for ${count(left.size)} of ${cases(hits.length)}, and is lost there. They are still marked.`,
        );
      resolve(hits.length - left.size);
    });
    dialog.showModal();
    (form.querySelector<HTMLInputElement>('input:checked') ?? close).focus();
  });
}
