/** The oracle is held to the contract too: its mistakes would be accepted everywhere. */
import { beforeEach } from 'vitest';
import { memoryLedger } from '../support/memory-ledger.js';
import { ledgerContract } from './ledger-contract.js';

let one = memoryLedger();
beforeEach(() => {
  one = memoryLedger();
});
ledgerContract('in memory', { open: () => one });
