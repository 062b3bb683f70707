/**
 * A notice of one hit, in Dutch or English: what was found, by what, and by when it should be gone. Plain text, for a letter,
 * a ticket or a mail.
 *
 * What it never holds: a value of a list. The file's SHA-256 is told only where no match is exact, since there the file's own
 * digests, or one that leads to them, are what the list holds; and only to a reader with the scope `details`, as is how near
 * the match was and which entry it was.
 */
import { NOTICE_WORDS } from './notice-words.js';
import type { Hit } from './report.js';
import { countText, type Language, timeText } from './words.js';

interface NoticeOptions {
  readonly language: Language;
  /** The reader may know more than the list's name. */
  readonly details: boolean;
  /** RFC 3339. */
  readonly now: string;
}

const LABEL_WIDTH = 22;

/** What came from outside is one line of text: no line of it can pass for one of ours. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Cf}]+/gu, ' ').trim();
}

/** An id that a list made from a value of its own is not told. */
const looksLikeValue = (text: string) => /[0-9a-f]{32}/i.test(text) || /[A-Za-z0-9+/]{43}/.test(text);

/** The file's own SHA-256, where it can be told (see above). */
function tellableDigest(hit: Hit): string | undefined {
  const isListed = hit.matchType === 'exact' || hit.matches.some(({ matchType }) => matchType === 'exact');
  return isListed ? undefined : hit.digests.sha256;
}

export function notice(hit: Hit, { language, details, now }: NoticeOptions): string {
  const words = NOTICE_WORDS[language];
  const { labels } = words;
  const at = (time: string) => timeText(time, language);
  const count = (value: number) => countText(value, language);
  const line = (label: string, value: string | null | undefined) =>
    value === null || value === undefined || value === '' ? [] : [`  ${label.padEnd(LABEL_WIDTH)}${oneLine(value)}`];

  const others = [...new Set(hit.matches.map(({ list }) => list))].filter((list) => list !== hit.list);
  const match =
    hit.matchType === 'exact'
      ? words.exact
      : details
        ? words.nearBy(count(hit.distance), count(hit.radius))
        : words.near;
  const state = ({ dueAt, met }: Hit['clock']['deadlines'][number]) => {
    if (met !== null) return met ? words.met : words.missed;
    return Date.parse(now) > Date.parse(dueAt) ? words.passed : words.ahead;
  };

  return [
    words.title,
    '',
    ...line(labels.date, at(now)),
    ...line(labels.to, hit.tenant),
    ...line(labels.case, hit.id),
    '',
    words.opening[hit.kind](oneLine(hit.list)),
    ...(hit.quarantined ? [words.quarantined] : []),
    '',
    words.facts,
    ...line(labels.reference, hit.reference ?? words.noReference),
    ...line(labels.firstSeen, at(hit.firstSeenAt)),
    ...(hit.timesSeen > 1 ? line(labels.lastSeen, `${at(hit.lastSeenAt)}, ${words.times(count(hit.timesSeen))}`) : []),
    ...(hit.seenAfterRemoval > 0 ? line(labels.again, words.times(count(hit.seenAfterRemoval))) : []),
    ...line(labels.list, [hit.list, ...others].join(', ')),
    ...line(labels.category, hit.category),
    ...line(labels.severity, hit.severity),
    ...line(labels.source, hit.source),
    ...line(labels.match, match),
    ...(details && !looksLikeValue(hit.entryId) ? line(labels.entry, words.entryOf(hit.entryId, hit.algorithm)) : []),
    ...(details && hit.orientation !== 'original' ? line(labels.turned, hit.orientation) : []),
    ...(details ? line(labels.digest, tellableDigest(hit)) : []),
    ...(hit.checkId === null ? [] : line(labels.check, words.generation(hit.checkId, count(hit.generation)))),
    ...line(labels.status, words.statuses[hit.status]),
    '',
    ...(hit.clock.stoppedAt === null
      ? [words.asked, ...words.steps.map((step, index) => `  ${index + 1}. ${step}`)]
      : [words.ended(at(hit.clock.stoppedAt))]),
    '',
    words.deadlines(at(hit.clock.startedAt)),
    ...hit.clock.deadlines.map(
      (deadline) => `  ${words.within(deadline.hours).padEnd(LABEL_WIDTH)}${at(deadline.dueAt)}, ${state(deadline)}`,
    ),
    '',
    ...words.closing,
    '',
  ].join('\n');
}
