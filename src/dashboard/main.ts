/** The page: its requests, their intervals, and their panels. Panels are independent: a refused one shows the reason. */
import { type Answer, get, getText, keepKey, keptKey, refusalWords } from './api.js';
import { callerText } from './case-words.js';
import { offerNames, openPlaced, refreshCases, tickCases } from './cases.js';
import { redrawCharts } from './charts.js';
import { byId, emptiness, make, say } from './dom.js';
import { offerExplain } from './explain.js';
import { openPlacedList } from './list-dialog.js';
import { showLists } from './lists.js';
import { showClock, showReasons, showTenants, showTiles, showUpdated } from './overview.js';
import { showPace } from './pace.js';
import { type Period, periodOf, periodProblem } from './periods.js';
import { showReplicas } from './replicas.js';
import { showTimeline } from './timeline.js';
import type { Access, List, Pace, Readiness, Replica, Report, Stats } from './types.js';
import { count, duration, time } from './words.js';

/** Poll intervals: new cases and the throughput often, figures of months seldom. */
const OFTEN_MS = 10_000;
const SELDOM_MS = 60_000;

const controls = byId<HTMLFormElement>('controls');
const tenants = byId<HTMLSelectElement>('tenant');
let access: Access = { keyNeeded: false, tenant: null, scopes: [], key: null };

/** Show a refusal in the place of a panel's content, until the next good answer. Return whether there was one. */
function refuse(id: string, answer: Answer<unknown>): boolean {
  const holder = byId(id);
  holder.parentElement!.querySelector(':scope > .refusal')?.remove();
  holder.hidden = false;
  // The content stays while the service is unreachable; the line at the top reports it.
  if (answer.ok || answer.status === 0) return !answer.ok;
  const words = emptiness(...refusalWords(answer));
  words.classList.add('refusal');
  holder.hidden = true;
  holder.after(words);
  return true;
}

function chosenPeriod(): Period | null {
  const form = new FormData(controls);
  const text = (name: string) => String(form.get(name) ?? '');
  const asked = [text('period'), text('from'), text('to'), Date.now()] as const;
  byId('custom').hidden = asked[0] !== 'custom';
  const problem = periodProblem(...asked);
  say(byId('period-problem'), problem ?? '');
  return problem === null ? periodOf(...asked) : null;
}

/** The state of the service, and its words. */
function stateOf({
  notReady,
  listsInForce,
  decoder,
  ledgerWritable,
  clockSkewMs,
}: Readiness): ['ok' | 'warn' | 'late', string] {
  if (notReady.includes('shutting_down')) return ['late', 'shutting down'];
  if (!ledgerWritable) return ['late', 'the ledger is not writable: checks are refused'];
  if (notReady.includes('clock_skew'))
    return ['late', `the clock is wrong by ${duration(Math.abs(clockSkewMs) / 1_000)}, compared with the database`];
  if (notReady.includes('lists_behind')) return ['late', 'the lists are older than those of other replicas'];
  if (listsInForce === 0) return ['late', 'no list is in force: nothing can match'];
  if (!decoder.underAttack) return ['ok', 'ready'];
  const restarts = `${count(decoder.restartsLastMinute)} decoder restarts in a minute`;
  return ['warn', `under attack: ${restarts}; the service still answers`];
}

async function refreshState(): Promise<void> {
  const answer = await get<Readiness>('readyz');
  const state = byId('state');
  const away = !answer.ok && answer.status === 0;
  // One is at the top of what is seen of the page, another in the dialog, which covers the page.
  for (const line of document.querySelectorAll<HTMLElement>('.trouble')) {
    line.hidden = !away;
    if (away)
      say(line, 'The service is unreachable. The page shows the last known state; it retries every ten seconds.');
  }
  // A service that is not ready answers the same fields as a refusal.
  const readiness = answer.ok ? answer.data : 'notReady' in answer.body ? (answer.body as Readiness) : null;
  if (readiness === null) {
    state.dataset.kind = 'late';
    say(byId('state-text'), away ? 'unreachable' : 'shutting down');
    return;
  }
  const { generation, entries } = readiness;
  const [kind, words] = stateOf(readiness);
  state.dataset.kind = kind;
  say(byId('state-text'), `${words} · ${count(entries)} entries · generation ${count(generation)}`);
}

/** The report for the chosen period, as a file: fetched with the key, since a link cannot carry it. */
for (const button of document.querySelectorAll<HTMLButtonElement>('[data-report]')) {
  button.addEventListener('click', async () => {
    const period = chosenPeriod();
    if (period === null) {
      say(byId('report-problem'), 'Choose a period at the top.');
      return;
    }
    const { from, to } = period;
    const format = button.dataset.report!;
    const answer = await getText('v1/report', { from, to, tenant: tenants.value, format });
    say(byId('report-problem'), answer.ok ? '' : refusalWords(answer).join(' '));
    if (!answer.ok) return;
    const type = format === 'html' ? 'text/html' : format === 'json' ? 'application/json' : 'text/csv';
    const address = URL.createObjectURL(new Blob([answer.data], { type: `${type};charset=utf-8` }));
    const name = `zeef-${from.slice(0, 10)}-${to.slice(0, 10)}${format === 'dsa' ? '-dsa.csv' : `.${format}`}`;
    make('a', { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  });
}

let asked = 0;
async function refreshFigures(): Promise<void> {
  const period = chosenPeriod();
  if (period === null) return;
  const { from, to, step } = period;
  say(byId('span'), `${time(from)} to ${time(to)}`);
  const turn = ++asked;
  const tenant = tenants.value;
  const [stats, report, lists] = await Promise.all([
    get<Stats>('v1/stats', { from, to, tenant, interval: step }),
    get<Report>('v1/report', { from, to, tenant }),
    get<{ lists: List[] }>('v1/lists'),
  ]);
  // The period was changed meanwhile.
  if (turn !== asked) return;
  showTiles(stats.ok ? stats.data : null, report.ok ? report.data : null);
  refuse('timeline', stats);
  refuse('reasons', stats);
  refuse('clock', report);
  refuse('tenants', report);
  refuse('lists', lists);
  if (stats.ok) {
    showTimeline(stats.data, period);
    showReasons(stats.data);
  }
  if (report.ok) {
    showClock(report.data);
    showTenants(report.data);
    offerTenants(report.data);
    offerNames(
      report.data.byList.map(({ list }) => list),
      report.data.byCategory.map(({ category }) => category),
    );
  }
  if (lists.ok) showLists(lists.data.lists, access.scopes.includes('admin'));
  if (stats.ok || report.ok) showUpdated(Date.now());
}

function offerTenants({ byTenant }: Report): void {
  if (!access.scopes.includes('admin') || tenants.value !== '') return;
  const names = ['', ...byTenant.map(({ tenant }) => tenant)];
  byId('tenant-label').hidden = names.length < 3;
  const offered = [...tenants.options].map(({ value }) => value);
  if (offered.join('\n') === names.join('\n')) return;
  tenants.replaceChildren(...names.map((name) => make('option', { value: name }, name || 'All')));
}

async function refreshPace(): Promise<void> {
  const answer = await get<{ pace: Pace }>('v1/status');
  refuse('throughput', answer);
  refuse('latency', answer);
  if (answer.ok) showPace(answer.data.pace);
}

async function refreshReplicas(): Promise<void> {
  const answer = await get<{ replicas: Replica[] }>('v1/replicas');
  refuse('replicas', answer);
  if (answer.ok) showReplicas(answer.data.replicas);
}

const refreshOften = () => Promise.all([refreshState(), refreshPace(), refreshReplicas(), refreshCases(tenants.value)]);

/** Load the key's tenant and scopes; prompt for a key where it is needed and missing, or refused. */
async function refreshAccess(): Promise<boolean> {
  const answer = await get<Access>('v1/whoami');
  byId('key-button').hidden = answer.ok && !answer.data.keyNeeded;
  byId('log-out').hidden = keptKey() === null;
  const who = answer.ok ? callerText(answer.data) : '';
  byId('who').hidden = who === '';
  say(byId('who'), who);
  if (!answer.ok) {
    if (answer.status === 401) askForKey('The key is unknown, revoked or expired.');
    return false;
  }
  access = answer.data;
  if (!access.keyNeeded || access.tenant !== null) return true;
  askForKey('');
  return false;
}

const keyDialog = byId<HTMLDialogElement>('key-dialog');
function askForKey(problem: string): void {
  say(byId('key-problem'), problem);
  byId<HTMLInputElement>('key').value = '';
  if (!keyDialog.open) keyDialog.showModal();
}

async function refreshAll(): Promise<void> {
  await refreshState();
  if (await refreshAccess()) {
    const isAdmin = access.scopes.includes('admin');
    offerExplain(access);
    await Promise.all([refreshFigures(), refreshPace(), refreshReplicas(), refreshCases(tenants.value, isAdmin)]);
    openPlacedList(isAdmin);
  }
  document.documentElement.dataset.loaded = 'yes';
}

byId<HTMLFormElement>('key-form').addEventListener('submit', () => {
  keepKey(byId<HTMLInputElement>('key').value.trim());
  void refreshAll();
});
byId('key-cancel').addEventListener('click', () => keyDialog.close());
byId('log-out').addEventListener('click', () => {
  keepKey(null);
  // The address has a search and a case; the reload removes the data that the key showed.
  history.replaceState(null, '', location.pathname + location.search);
  location.reload();
});
byId('key-button').addEventListener('click', () => askForKey(''));

controls.addEventListener('change', (event) => {
  void refreshFigures();
  if (event.target === tenants) void refreshCases(tenants.value);
});
controls.addEventListener('submit', (event) => event.preventDefault());
document.addEventListener('zeef-changed', () => void Promise.all([refreshFigures(), refreshCases(tenants.value)]));

const THEMES = ['auto', 'light', 'dark'] as const;
const THEME_WORDS = { auto: 'Auto', light: 'Light', dark: 'Dark' } as const;
const themeButton = byId('theme-button');
function showTheme(theme: (typeof THEMES)[number]): void {
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  say(byId('theme'), THEME_WORDS[theme]);
  redrawCharts();
}
const chosenTheme = () => THEMES.find((theme) => theme === localStorage.getItem('zeef-theme')) ?? 'auto';
themeButton.addEventListener('click', () => {
  const next = THEMES[(THEMES.indexOf(chosenTheme()) + 1) % THEMES.length]!;
  localStorage.setItem('zeef-theme', next);
  showTheme(next);
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redrawCharts);
showTheme(chosenTheme());

/** Run only while the page is visible: a hidden page sends no requests. */
const whileSeen = (run: () => unknown) => () =>
  document.visibilityState === 'visible' && (!access.keyNeeded || keptKey() !== null) && run();
setInterval(() => tickCases(Date.now()), 1_000);
setInterval(whileSeen(refreshOften), OFTEN_MS);
setInterval(whileSeen(refreshFigures), SELDOM_MS);
await refreshAll();
void openPlaced();
