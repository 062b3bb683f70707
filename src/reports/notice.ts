/**
 * A notice of one hit, in Dutch or English: the file, the match and the deadlines. Plain text, for a letter, a ticket or a
 * mail.
 *
 * A notice never holds a value of a list. It has the file's SHA-256 only where no match is exact, since the digests of a listed
 * file are, or lead to, values of the list; and only for a reader with the scope `details`, like the distance of the match and
 * its entry.
 */
import { AppError } from '../core/errors.js';
import { looksLikeValue } from '../core/value-like.js';
import { NOTICE_WORDS } from './notice-words.js';
import type { Hit } from './report.js';
import { countText, type Language, timeText } from './words.js';

interface NoticeOptions {
  readonly language: Language;
  /** The reader may see more than the list's name. */
  readonly details: boolean;
  /** RFC 3339. */
  readonly now: string;
}

const LABEL_WIDTH = 22;

/** Reduce text from outside to one line: no line of it can pass for one of ours. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Cf}]+/gu, ' ').trim();
}

/** Return the file's own SHA-256 where a notice may hold it (see above). */
function publicDigest(hit: Hit): string | undefined {
  const isListed = hit.matchType === 'exact' || hit.matches.some(({ matchType }) => matchType === 'exact');
  return isListed ? undefined : hit.digests.sha256;
}

/** Errors HIT_STATE: nothing matched, and no person has decided yet. */
export function notice(hit: Hit, { language, details, now }: NoticeOptions): string {
  if (hit.status === 'possible') throw new AppError('HIT_STATE', { from: hit.status, to: 'notified' });
  const words = NOTICE_WORDS[language];
  const { labels } = words;
  const at = (time: string) => timeText(time, language);
  const count = (value: number) => countText(value, language);
  const line = (label: string, value: string | null | undefined) =>
    value === null || value === undefined || value === '' ? [] : [`  ${label.padEnd(LABEL_WIDTH)}${oneLine(value)}`];

  const others = [...new Set(hit.matches.map(({ list }) => list))].filter((list) => list !== hit.list);
  const near = details ? words.nearBy(count(hit.distance), count(hit.radius)) : words.near;
  const match = hit.possible ? words.possible.match : hit.matchType === 'exact' ? words.exact : near;
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
    (hit.possible ? words.possible.opening : words.opening[hit.kind])(oneLine(hit.list)),
    ...(hit.quarantined ? [words.quarantined] : []),
    '',
    words.facts,
    ...line(labels.reference, hit.reference ?? words.noReference),
    ...line(labels.firstSeen, at(hit.firstSeenAt)),
    ...(hit.timesSeen > 1 ? line(labels.lastSeen, `${at(hit.lastSeenAt)}, ${words.times(count(hit.timesSeen))}`) : []),
    ...(hit.seenAfterRemoval > 0 ? line(labels.again, words.times(count(hit.seenAfterRemoval))) : []),
    ...line(labels.list, [hit.list, ...others].join(', ')),
    ...(details
      ? [
          ...line(labels.category, hit.category),
          ...line(labels.severity, hit.severity),
          ...line(labels.source, hit.source),
        ]
      : []),
    ...line(labels.match, match),
    ...(details && !looksLikeValue(hit.entryId) ? line(labels.entry, words.entryOf(hit.entryId, hit.algorithm)) : []),
    ...(details && hit.orientation !== 'original' ? line(labels.turned, hit.orientation) : []),
    ...(details ? line(labels.digest, publicDigest(hit)) : []),
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
    ...(hit.possible ? words.possible : words).closing,
    '',
  ].join('\n');
}
