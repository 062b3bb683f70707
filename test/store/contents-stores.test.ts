/** Contents, on every store. */
import { backends } from './backends.js';
import { contentsContract } from './contents-contract.js';

for (const backend of backends) contentsContract(backend.name, backend);
