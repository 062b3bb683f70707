/** The oracle is held to the contract too: what it gets wrong would be forgiven everywhere. */
import { beforeEach } from 'vitest';
import { memoryLedger } from '../support/memory-ledger.js';
import { ledgerContract } from './ledger-contract.js';

let one = memoryLedger();
beforeEach(() => {
  one = memoryLedger();
});
ledgerContract('in memory', { open: () => one });
