/** Import of the bundled sample list, for `zeef serve --sample`. */
import { resolve } from 'node:path';
import { ZEEF } from '../audit/audit.js';
import { PACKAGE_ROOT } from '../core/package-root.js';
import { importList } from '../lists/import/import-list.js';
import type { Service } from '../service/service.js';

/** Hashes of the sample images. */
const SAMPLE = { list: 'sample', path: resolve(PACKAGE_ROOT, 'hashlists', 'sample', 'sample.csv') } as const;

export async function importSample(service: Service): Promise<void> {
  if (await service.store.lists.list(SAMPLE.list)) return;
  await importList(service.audit.as(ZEEF), {
    list: SAMPLE.list,
    paths: [SAMPLE.path],
    format: 'csv',
    kind: 'match',
    approved: true,
    radiusBits: service.config.radiusBits,
  });
}
