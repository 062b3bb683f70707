/** Every store of keys, tenants, jobs, duties, shares, notes, replicas, webhooks and audit rows keeps its contract. */
import { auditContract } from './audit-contract.js';
import { backends } from './backends.js';
import { dutiesContract } from './duties-contract.js';
import { jobsContract } from './jobs-contract.js';
import { keysContract } from './keys-contract.js';
import { notesContract } from './notes-contract.js';
import { replicasContract } from './replicas-contract.js';
import { sharesContract } from './shares-contract.js';
import { tenantsContract } from './tenants-contract.js';
import { webhooksContract } from './webhooks-contract.js';

for (const place of backends) {
  keysContract(`${place.name}: keys`, place);
  tenantsContract(`${place.name}: tenants`, place);
  jobsContract(`${place.name}: jobs`, place);
  dutiesContract(`${place.name}: duties`, place);
  sharesContract(`${place.name}: shares`, place);
  notesContract(`${place.name}: notes`, place);
  replicasContract(`${place.name}: replicas`, place);
  webhooksContract(`${place.name}: webhooks`, place);
  auditContract(`${place.name}: audit`, place);
}
