/** The groups of the API's document, in the order of its page. */
export const TAGS = {
  Checking: 'Submit images, or hashes that you computed, and get a verdict for each.',
  Cases: 'Files that matched: read them, decide on them, and write notices.',
  Reports: 'Counts over time, and reports for a period.',
  Lists: 'Lists of known hashes: their sizes, settings, versions and entries. No hash is ever returned.',
  Imports: 'Import published hash lists, and watch the progress.',
  'List sources': 'Publishers that lists are fetched from, and the feedback that is sent to them.',
  Suppressions: 'Values and entries whose matches do not count.',
  'Keys and tenants': 'API keys with their scopes, and tenants with their limits.',
  'Audit log': 'Administrative changes, in a chain of hashes.',
  Webhooks: 'Receivers of new cases and of cases that are overdue, and the events that they did not accept.',
  Service: 'What the key may do, and the health, throughput and processes of the service.',
} as const;

export type Tag = keyof typeof TAGS;
