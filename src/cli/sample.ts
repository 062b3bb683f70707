/** Import of the bundled sample list, for `zeef serve --sample`. */
import { resolve } from 'node:path';
import { ZEEF } from '../audit/audit.js';
import { PACKAGE_ROOT } from '../core/package-root.js';
import { importList } from '../lists/import/import-list.js';
import type { Service } from '../service/service.js';

/** Hashes of the sample images. */
const SAMPLE = { list: 'sample', path: resolve(PACKAGE_ROOT, 'hashlists', 'sample', 'sample.csv') } as const;

/** Import it unless it is there. */
export async function importSample({
  config,
  store,
  audit,
}: Pick<Service, 'config' | 'store' | 'audit'>): Promise<void> {
  if (await store.lists.list(SAMPLE.list)) return;
  await importList(audit.as(ZEEF), {
    list: SAMPLE.list,
    paths: [SAMPLE.path],
    format: 'csv',
    kind: 'match',
    approved: true,
    radiusBits: config.radiusBits,
    detail: config.detail,
  });
}
