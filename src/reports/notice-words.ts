/** The words of a notice, in English and Dutch. */
import type { Hit } from './report.js';
import type { Language } from './words.js';

interface NoticeWords {
  readonly title: string;
  readonly opening: Readonly<Record<Hit['kind'], (list: string) => string>>;
  readonly facts: string;
  readonly labels: Readonly<
    Record<
      | 'date'
      | 'to'
      | 'case'
      | 'reference'
      | 'firstSeen'
      | 'lastSeen'
      | 'list'
      | 'category'
      | 'severity'
      | 'source'
      | 'match'
      | 'entry'
      | 'turned'
      | 'digest'
      | 'status'
      | 'again'
      | 'check',
      string
    >
  >;
  readonly noReference: string;
  readonly times: (count: string) => string;
  readonly exact: string;
  readonly near: string;
  readonly nearBy: (distance: string, radius: string) => string;
  readonly entryOf: (entry: string, algorithm: string) => string;
  readonly generation: (check: string, generation: string) => string;
  /** Where nothing matched, and a person decided. */
  readonly possible: {
    readonly opening: (list: string) => string;
    readonly match: string;
    readonly closing: readonly string[];
  };
  readonly statuses: Readonly<Record<Hit['status'], string>>;
  readonly quarantined: string;
  readonly asked: string;
  readonly steps: readonly string[];
  readonly deadlines: (start: string) => string;
  readonly within: (hours: number) => string;
  readonly met: string;
  readonly missed: string;
  readonly passed: string;
  readonly ahead: string;
  readonly ended: (at: string) => string;
  readonly closing: readonly string[];
}

const ENGLISH: NoticeWords = {
  title: 'NOTICE OF A MATCH WITH A LIST OF KNOWN IMAGES',
  opening: {
    image: (list) => `An image in your storage matches an entry of the hash list "${list}".`,
    hash: (list) => `An image hash that you sent matches an entry of the hash list "${list}".`,
  },
  facts: 'FACTS',
  labels: {
    date: 'Date',
    to: 'To',
    case: 'Case',
    reference: 'Your reference',
    firstSeen: 'First seen',
    lastSeen: 'Last seen',
    list: 'List',
    category: 'Category',
    severity: 'Severity',
    source: 'Source',
    match: 'Match',
    entry: 'Entry',
    turned: 'Orientation',
    digest: 'SHA-256 of the file',
    status: 'Status',
    again: 'Seen again',
    check: 'Check',
  },
  noReference: 'none',
  times: (count) => `seen ${count} times`,
  exact: 'exact: a digest of the file is on the list',
  near: 'near: the perceptual hash of the image is close to one on the list',
  nearBy: (distance, radius) => `near: ${distance} of 256 bits apart, where up to ${radius} count`,
  entryOf: (entry, algorithm) => `${entry} (${algorithm})`,
  generation: (check, generation) => `${check}, lists of generation ${generation}`,
  possible: {
    opening: (list) => `An image in your storage may be an edited copy of an entry of the hash list "${list}".`,
    match: 'possible: the perceptual hash of a part of the image is near one on the list, and does not match it',
    closing: [
      'This notice is based on the decision of a person, to whom a comparison of hashes pointed. It leaves the assessment of the file to',
      'the competent authority.',
    ],
  },
  statuses: {
    open: 'open',
    notified: 'notified',
    confirmed: 'confirmed',
    removed: 'removed',
    false_positive: 'false positive',
    possible: 'possible',
  },
  quarantined:
    'The entry is in quarantine: it suddenly matched many different files, and a person must review it first.',
  asked: 'REQUESTED ACTION',
  steps: [
    'Make the file inaccessible, and do the same with its copies.',
    'Keep the data that the law obliges you to keep, and give the file itself to the authorities only.',
    'Report the result to us: removed, or not the listed material. In the second case no other step is needed.',
  ],
  deadlines: (start) => `DEADLINES, counted from ${start}`,
  within: (hours) => `within ${hours} h`,
  met: 'met',
  missed: 'not met',
  passed: 'has passed',
  ahead: 'not yet due',
  ended: (at) => `The case was closed on ${at}.`,
  closing: [
    'This notice is based on a comparison of hashes; no person has viewed the file for it. It states that the file matches the',
    'list, and leaves the assessment of the file to the competent authority.',
  ],
};

const DUTCH: NoticeWords = {
  title: 'MELDING VAN EEN OVEREENKOMST MET EEN LIJST VAN BEKENDE AFBEELDINGEN',
  opening: {
    image: (list) => `Een afbeelding in uw opslag komt overeen met een vermelding op de hashlijst "${list}".`,
    hash: (list) =>
      `Een hash van een afbeelding die u hebt aangeboden, komt overeen met een vermelding op de hashlijst "${list}".`,
  },
  facts: 'FEITEN',
  labels: {
    date: 'Datum',
    to: 'Aan',
    case: 'Zaak',
    reference: 'Uw kenmerk',
    firstSeen: 'Eerst gezien',
    lastSeen: 'Laatst gezien',
    list: 'Lijst',
    category: 'Categorie',
    severity: 'Ernst',
    source: 'Bron',
    match: 'Overeenkomst',
    entry: 'Vermelding',
    turned: 'Oriëntatie',
    digest: 'SHA-256 van bestand',
    status: 'Status',
    again: 'Opnieuw gezien',
    check: 'Controle',
  },
  noReference: 'niet opgegeven',
  times: (count) => `${count} keer gezien`,
  exact: 'exact: een digest van het bestand staat op de lijst',
  near: 'nabij: de perceptuele hash van de afbeelding ligt dicht bij een hash op de lijst',
  nearBy: (distance, radius) => `nabij: ${distance} van 256 bits verschil, waar er ten hoogste ${radius} meetellen`,
  entryOf: (entry, algorithm) => `${entry} (${algorithm})`,
  generation: (check, generation) => `${check}, lijsten van generatie ${generation}`,
  possible: {
    opening: (list) =>
      `Een afbeelding in uw opslag is mogelijk een bewerkte kopie van een vermelding op de hashlijst "${list}".`,
    match:
      'mogelijk: de perceptuele hash van een deel van de afbeelding ligt in de buurt van een hash op de lijst, en komt er niet mee overeen',
    closing: [
      'Deze melding berust op het besluit van een mens, die door een vergelijking van hashes op het bestand is gewezen. Zij laat het',
      'oordeel over het bestand aan wie daartoe bevoegd is.',
    ],
  },
  statuses: {
    open: 'open',
    notified: 'gemeld',
    confirmed: 'bevestigd',
    removed: 'verwijderd',
    false_positive: 'vals alarm',
    possible: 'mogelijk',
  },
  quarantined:
    'De vermelding staat in quarantaine: zij kwam plotseling met veel verschillende bestanden overeen, en een mens moet er eerst naar kijken.',
  asked: 'WAT VAN U WORDT GEVRAAGD',
  steps: [
    'Maak het bestand ontoegankelijk, en doe dat ook met kopieën ervan.',
    'Bewaar wat u wettelijk moet bewaren, en geef het bestand zelf aan niemand anders dan de bevoegde autoriteiten.',
    'Laat ons de uitkomst weten: verwijderd, of niet wat de lijst zegt dat het is. In het tweede geval hoeft u verder niets te doen.',
  ],
  deadlines: (start) => `TERMIJNEN, gerekend vanaf ${start}`,
  within: (hours) => `binnen ${hours} uur`,
  met: 'gehaald',
  missed: 'niet gehaald',
  passed: 'is verstreken',
  ahead: 'loopt nog',
  ended: (at) => `De zaak is beëindigd op ${at}.`,
  closing: [
    'Deze melding berust op een vergelijking van hashes; niemand heeft er het bestand voor bekeken. Zij zegt dat het bestand',
    'overeenkomt met de lijst, en laat het oordeel over het bestand aan wie daartoe bevoegd is.',
  ],
};

export const NOTICE_WORDS: Readonly<Record<Language, NoticeWords>> = { en: ENGLISH, nl: DUTCH };
