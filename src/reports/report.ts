/** Input of the renderers: a period's figures and one hit, as the ledger has them. */
export type { Hit } from '../ledger/ledger.js';
export type { Report, TenantTakedown, Within } from '../ledger/report.js';
