/** The suites of lists, on every store. */
import { backends } from './backends.js';
import { storeContract } from './lists-contract.js';
import { updatesContract } from './updates-contract.js';

for (const backend of backends.filter(({ name }) => name === 'PostgreSQL')) {
  storeContract(backend.name, backend);
  updatesContract(backend.name, { ...backend, orders: 15, many: 4_000 });
}
