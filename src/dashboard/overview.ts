/** The figures at the top, the takedown clock and the tenants: all from one report and one set of counts. */
import { byId, emptiness, make, say, table } from './dom.js';
import type { Report, Stats, Within } from './types.js';
import { age, count, duration, percent, plainWords, short, time } from './words.js';

interface Tile {
  readonly label: string;
  readonly value: string;
  readonly note: string;
  readonly alarm?: boolean;
}

const UNKNOWN = '–';

function tilesOf(stats: Stats | null, report: Report | null): readonly Tile[] {
  const of = (value: number, figure: string) =>
    stats && stats.checked > 0 ? `${percent(value / stats.checked)} ${figure}` : '';
  const takedown = report?.takedown;
  return [
    {
      label: 'Checked',
      value: stats ? short(stats.checked) : UNKNOWN,
      note: stats ? `${count(stats.checked)} in total` : '',
    },
    {
      label: 'Hits',
      value: stats ? short(stats.matched) : UNKNOWN,
      note: stats ? `${count(stats.suppressed)} suppressed` : '',
    },
    {
      label: 'Hit rate',
      value: stats && stats.checked > 0 ? percent(stats.matched / stats.checked) : UNKNOWN,
      note: stats && stats.matched > 0 ? `one in ${count(Math.round(stats.checked / stats.matched))}` : '',
    },
    {
      label: 'Not checked',
      value: stats ? short(stats.notChecked) : UNKNOWN,
      note: stats ? of(stats.notChecked, 'of all') : '',
    },
    {
      label: 'Open cases',
      value: takedown ? count(takedown.open) : UNKNOWN,
      note: takedown ? `${count(takedown.notified)} notified, ${count(takedown.confirmed)} confirmed` : '',
    },
    {
      label: 'Overdue',
      value: takedown ? count(takedown.overdue) : UNKNOWN,
      note: takedown ? (takedown.overdue > 0 ? 'past the last deadline' : 'none past the last deadline') : '',
      alarm: (takedown?.overdue ?? 0) > 0,
    },
  ];
}

export function showTiles(stats: Stats | null, report: Report | null): void {
  const holder = byId('tiles');
  tilesOf(stats, report).forEach(({ label, value, note, alarm }, at) => {
    const tile =
      (holder.children[at] as HTMLElement | undefined) ??
      holder.appendChild(
        make('div', {}, make('dt', {}, label), make('dd', { class: 'value' }), make('dd', { class: 'note' })),
      );
    tile.classList.toggle('alarm', alarm === true);
    say(tile.children[1] as HTMLElement, value);
    say(tile.children[2] as HTMLElement, note);
  });
}

const shareWords = (share: number | null) => (share === null ? UNKNOWN : percent(share));
const bar = (share: number, kind = '') => {
  const fill = make('span', { class: `fill ${kind}` });
  fill.style.width = `${Math.min(100, share * 100).toFixed(1)}%`;
  return make('span', { class: 'bar', 'aria-hidden': 'true' }, fill);
};

function withinRows(within: readonly Within[]): HTMLElement {
  return make(
    'ul',
    { class: 'bars' },
    ...within.map(({ hours, count: cases, due, share }) =>
      make(
        'li',
        {},
        make('span', { class: 'bar-label' }, `within ${hours} h`),
        bar(share ?? 0, 'good'),
        make('span', { class: 'bar-value' }, shareWords(share), make('small', {}, ` ${count(cases)} of ${count(due)}`)),
      ),
    ),
  );
}

export function showClock({ takedown, reversals }: Report): void {
  const fact = (label: string, value: string) => make('div', {}, make('dt', {}, label), make('dd', {}, value));
  byId('clock').replaceChildren(
    takedown.cases === 0
      ? emptiness('No cases in this period.', 'A case begins when a file matches for the first time.')
      : make(
          'div',
          {},
          make('p', { class: 'subhead' }, `Removed in time, of the cases that were due`),
          make(
            'p',
            { class: 'hint' },
            `Of ${count(takedown.cases)} cases. Due: removed, or the deadline is past; without false positives.`,
          ),
          withinRows(takedown.within),
          make(
            'dl',
            { class: 'facts' },
            fact('Median from notice', takedown.medianSeconds === null ? UNKNOWN : duration(takedown.medianSeconds)),
            fact(
              'Median from finding',
              takedown.medianSecondsFromFinding === null ? UNKNOWN : duration(takedown.medianSecondsFromFinding),
            ),
            fact('90 % within', takedown.p90Seconds === null ? UNKNOWN : duration(takedown.p90Seconds)),
            fact('Oldest open', takedown.oldestOpenAt === null ? 'none' : `${age(takedown.oldestOpenAt, Date.now())}`),
            fact('Removed', count(takedown.removed)),
            fact(
              'False positives',
              `${count(takedown.falsePositives)}${reversals.errorRate === null ? '' : `, ${percent(reversals.errorRate)} of decided`}`,
            ),
            fact('Seen again after removal', count(takedown.seenAgainAfterRemoval)),
          ),
        ),
  );
}

export function showReasons({ byReason, checked, notChecked }: Stats): void {
  const reasons = Object.entries(byReason).sort(([, a], [, b]) => b - a);
  const most = reasons[0]?.[1] ?? 1;
  byId('reasons').replaceChildren(
    reasons.length === 0
      ? checked === 0
        ? emptiness('Nothing was checked in this period.')
        : emptiness('Everything was checked.', 'No image in this period was unreadable or too large.')
      : make(
          'ul',
          { class: 'bars reasons' },
          ...reasons.map(([reason, images]) =>
            make(
              'li',
              {},
              make('span', { class: 'bar-label' }, plainWords(reason)),
              bar(images / most),
              make(
                'span',
                { class: 'bar-value' },
                count(images),
                make('small', {}, ` ${percent(images / Math.max(1, notChecked))}`),
              ),
            ),
          ),
        ),
  );
}

/** Show checks and cases by tenant; a tenant may have either alone. */
export function showTenants({ byTenant, takedown }: Report): void {
  const names = [...new Set([...byTenant, ...takedown.byTenant].map(({ tenant }) => tenant))];
  const rows = names
    .map((tenant) => ({
      tenant,
      counts: byTenant.find((each) => each.tenant === tenant),
      cases: takedown.byTenant.find((each) => each.tenant === tenant),
    }))
    // Tenants with overdue cases come first.
    .sort((a, b) => (b.cases?.overdue ?? 0) - (a.cases?.overdue ?? 0) || (b.cases?.open ?? 0) - (a.cases?.open ?? 0));
  const last = takedown.within[takedown.within.length - 1]?.hours;
  const inTime = (within: readonly Within[] | undefined) => within?.find(({ hours }) => hours === last)?.share;
  const number = (value: number | undefined) => (value === undefined ? UNKNOWN : count(value));
  byId('tenants').replaceChildren(
    rows.length === 0
      ? emptiness('No tenant sent a check in this period.')
      : table('Tenants: checks, hits and cases', rows, [
          { head: 'Tenant', cell: (row) => row.tenant },
          { head: 'Checked', number: true, cell: (row) => number(row.counts?.checked) },
          { head: 'Hits', number: true, cell: (row) => number(row.counts?.matched) },
          { head: 'Cases', number: true, cell: (row) => number(row.cases?.cases) },
          { head: 'Open', number: true, cell: (row) => number(row.cases?.open) },
          {
            head: 'Overdue',
            number: true,
            cell: ({ cases }) =>
              cases && cases.overdue > 0
                ? make('strong', { class: 'late' }, count(cases.overdue))
                : number(cases?.overdue),
          },
          { head: 'Removed', number: true, cell: (row) => number(row.cases?.removed) },
          { head: 'False positives', number: true, cell: (row) => number(row.cases?.falsePositives) },
          {
            head: 'Median',
            number: true,
            cell: ({ cases }) =>
              cases?.medianSeconds === null || cases === undefined ? UNKNOWN : duration(cases.medianSeconds),
          },
          {
            head: last === undefined ? 'In time' : `Within ${last} h`,
            number: true,
            cell: ({ cases }) => {
              const share = inTime(cases?.within);
              return share === undefined || share === null
                ? UNKNOWN
                : make('span', { class: 'with-bar' }, bar(share, 'good'), percent(share));
            },
          },
        ]),
  );
}

export function showUpdated(at: number): void {
  say(byId('updated'), `Up to date at ${time(at)}.`);
}
