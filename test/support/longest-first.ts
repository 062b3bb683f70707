/** Order of the test files: those that take minutes first, so that no worker is left with one of them at the end. */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Parts of their paths, the longest first; the others follow in the runner's own order. */
const LONG = [
  'bench/smoke',
  'scan/joined-scan',
  'scan/joined-bucket',
  'engine/large-images',
  'store/',
  'postgres/move',
  'sqlite/updates',
  'service/two-processes',
  'ledger/late-sync',
  'docs/pages',
  'browser/',
  'postgres/exhausted',
  'http/list-imports',
  'service/joined-scan',
  'postgres/rolling-upgrade',
  'sqlite/sqlite.',
  'engine/',
  'ledger/',
  'postgres/',
  'cli/',
  'sqlite/',
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = LONG.findIndex((part) => moduleId.includes(`/test/${part}`));
      return at < 0 ? LONG.length : at;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
