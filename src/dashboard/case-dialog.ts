/** Dialog of one case: facts, history, notice, decision. */
import { getText, refusalWords } from './api.js';
import { digestWords, matchesOf } from './case-matches.js';
import { actionsFor, clockOf, deciderOf, matchText, nameOf, STATUS_WORDS } from './case-words.js';
import { type Decision, decisionForm, sendDecision } from './decide.js';
import { byId, make, whenClosed } from './dom.js';
import { handlingPart } from './handling.js';
import { outsideLink, webAddress } from './reference-link.js';
import type { Hit, Status } from './types.js';
import { count, duration, time } from './words.js';

const dialog = byId<HTMLDialogElement>('case-dialog');

/** The time since the finding, beside the clock, which runs from a notice that was given in time. */
function fromFinding({ clock: { foundAt, secondsFromFinding } }: Hit): string {
  const seconds = secondsFromFinding ?? (Date.now() - Date.parse(foundAt)) / 1000;
  return `${duration(seconds)} ${secondsFromFinding === null ? 'since it was found' : 'from finding'}`;
}

function clockWords(hit: Hit): string {
  const { text } = clockOf(hit, Date.now());
  return hit.status === 'possible' ? text : `${text}; ${fromFinding(hit)}`;
}

function facts(hit: Hit): HTMLElement {
  const address = webAddress(hit);
  const reference = hit.reference ?? 'none';
  const rows: readonly (readonly [string, string | HTMLElement])[] = [
    ['Reference', address === null ? reference : outsideLink(reference, address)],
    ['Tenant', hit.tenant],
    ['Found by', [hit.list, hit.category, hit.severity, hit.source].filter(Boolean).join(' · ')],
    ['Match', `${matchText(hit)}${hit.orientation && hit.orientation !== 'original' ? `, ${hit.orientation}` : ''}`],
    [
      'Seen',
      `${time(hit.firstSeenAt)}${hit.timesSeen > 1 ? `, last ${time(hit.lastSeenAt)}, ${count(hit.timesSeen)} times` : ''}`,
    ],
    ['Clock', clockWords(hit)],
    ['Digest', digestWords(hit)],
    ['Case', hit.id],
  ];
  return make(
    'dl',
    { class: 'case-facts' },
    ...rows.flatMap(([label, value]) => [make('dt', {}, label), make('dd', {}, value)]),
  );
}

function handlingWords({ assignee, disputed }: Hit['handling'][number]): string {
  const words = [];
  if (assignee !== undefined) words.push(assignee === null ? 'assigned to no one' : `assigned to ${assignee}`);
  if (disputed !== undefined) words.push(disputed ? 'disputed' : 'dispute ended');
  return words.join(', ');
}

/** Return the decisions and the changes of the handling, in order of time; nothing where there are none. */
function history({ history: decisions, handling }: Hit): readonly HTMLElement[] {
  const events = [
    ...decisions.map((event) => ({ ...event, words: STATUS_WORDS[event.status as Status] ?? event.status })),
    ...handling.map((event) => ({ ...event, words: handlingWords(event) })),
  ].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  if (events.length === 0) return [];
  return [
    make('h3', {}, 'History'),
    make(
      'ol',
      { class: 'history' },
      ...events.map(({ at, words, note, by, key }) =>
        make(
          'li',
          {},
          make('span', {}, `${words}, ${time(at)}, by ${deciderOf({ by, key })}`),
          note ? make('q', {}, note) : null,
        ),
      ),
    ),
  ];
}

function notices(hit: Hit): HTMLElement {
  const text = make('pre', { class: 'notice', tabindex: '0', 'aria-label': 'Text of the notice', hidden: '' });
  const button = (language: string, label: string) => {
    const made = make('button', { type: 'button', lang: language }, label);
    made.addEventListener('click', async () => {
      const answer = await getText(`v1/hits/${encodeURIComponent(hit.id)}/notice`, { language });
      text.textContent = answer.ok ? answer.data : refusalWords(answer).join(' ');
      text.lang = answer.ok ? language : 'en';
      text.hidden = false;
      copy.hidden = !answer.ok;
      copied.textContent = '';
    });
    return made;
  };
  const copied = make('span', { class: 'hint', role: 'status' });
  const copy = make('button', { type: 'button', hidden: '' }, 'Copy');
  copy.addEventListener('click', async () => {
    // Without TLS a browser gives a page no clipboard.
    const isCopied = await (navigator.clipboard as Clipboard | undefined)?.writeText(text.textContent ?? '').then(
      () => true,
      () => false,
    );
    if (!isCopied) getSelection()?.selectAllChildren(text);
    copied.textContent = isCopied ? 'Copied.' : 'Selected: copy it with Ctrl+C.';
  });
  return make(
    'div',
    {},
    make('h3', {}, 'Notice'),
    make('p', { class: 'buttons left' }, button('en', 'In English'), button('nl', 'In het Nederlands'), copy, copied),
    text,
  );
}

/**
 * Open the dialog; resolve to the changed case, or null without a change. `chosen`: the preselected action. `maySuppress`:
 * the key has the scope for it. `onLost`: with the words about a decision that was never recorded.
 */
export function openCase(
  hit: Hit,
  {
    chosen,
    maySuppress,
    onLost,
  }: {
    readonly chosen: Status | null;
    readonly maySuppress: boolean;
    readonly onLost: (words: string) => void;
  },
): Promise<Hit | null> {
  const { form, save, close, problem, decision } = decisionForm(actionsFor(hit), chosen, { maySuppress });
  let changed: Hit | null = null;
  const title = make('h2', { id: 'case-dialog-title', tabindex: '-1' }, nameOf(hit));
  const past = make('div', {}, ...history(hit));
  dialog.replaceChildren(
    make('p', { class: 'trouble', role: 'alert', hidden: '' }),
    title,
    facts(hit),
    matchesOf(hit),
    past,
    notices(hit),
    handlingPart(hit, (handled) => {
      changed = handled;
      past.replaceChildren(...history(handled));
    }),
    form,
  );
  const opener = document.activeElement as HTMLElement | null;
  return new Promise((resolve) => {
    let waiting: Decision | null = null;
    close.addEventListener('click', () => dialog.close());
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const decided = decision();
      if (decided === null || save.disabled) return;
      save.disabled = true;
      waiting = decided;
      const onAway = () => {
        const words =
          'The service is unreachable. The decision is kept here, and sent again until the service answers.';
        if (problem.textContent !== words) problem.textContent = words;
      };
      const answer = await sendDecision(hit, decided, { onAway, isOpen: () => form.isConnected });
      waiting = null;
      if (answer === null || !form.isConnected) return;
      save.disabled = false;
      if ('ok' in answer) problem.textContent = refusalWords(answer).join(' ');
      else {
        changed = answer;
        dialog.close();
      }
    });
    whenClosed(dialog, () => {
      if (!dialog.open) {
        dialog.replaceChildren();
        if (opener?.isConnected) opener.focus();
      }
      if (waiting !== null)
        onLost(`The decision “${STATUS_WORDS[waiting.status]}” about ${nameOf(hit)} was not sent, and is lost.`);
      resolve(changed);
    });
    dialog.showModal();
    // With an action chosen, Enter is enough; the note is one Tab away. Otherwise the case is read from its beginning.
    (form.querySelector<HTMLInputElement>('input:checked') ?? title).focus();
  });
}
