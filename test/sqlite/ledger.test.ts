import { beforeEach } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { openSqliteLedger } from '../../src/sqlite/ledger/ledger.js';
import { ledgerContract, ledgerModel } from '../store/ledger-contract.js';

const freshDir = () => tempFolder('ledger');

let dataDir = freshDir();
beforeEach(() => {
  dataDir = freshDir();
});
ledgerContract('SQLite', { open: () => openSqliteLedger(dataDir) });
ledgerContract('SQLite that folds after every third group', {
  open: () => openSqliteLedger(dataDir, { foldGroups: 3 }),
});

ledgerModel(
  'SQLite',
  (fresh) => {
    if (fresh) dataDir = freshDir();
    return openSqliteLedger(dataDir, { foldGroups: 3 });
  },
  25,
);
