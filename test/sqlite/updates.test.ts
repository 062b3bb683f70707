import { tempFolder } from '../../bench/temp-folder.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import { updatesContract } from '../store/updates-contract.js';

let dataDir = '';
updatesContract('SQLite', {
  fresh: () => {
    dataDir = tempFolder('store');
  },
  open: () => openSqliteStore(dataDir),
});
