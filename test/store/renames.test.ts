/** Renames of lists, on every store. */
import { backends } from './backends.js';
import { renamesContract } from './renames-contract.js';

for (const backend of backends) renamesContract(backend.name, backend);
