/** Every store of the ledger keeps its contract, with two handles at a time, and equals the oracle. */
import { beforeEach, describe } from 'vitest';
import { backends } from './backends.js';
import { ledgerContract, ledgerModel } from './ledger-contract.js';

for (const place of backends) {
  describe(place.name, () => {
    beforeEach(() => place.fresh());
    ledgerContract(place.name, { open: () => place.openLedger() });
    ledgerContract(`${place.name} that folds after every third group, and syncs counts late`, {
      open: () => place.openLedger({ foldGroups: 3, sync: 'hits' }),
    });
  });
  const open = () => place.openLedger({ foldGroups: 3 });
  ledgerModel(place.name, { fresh: () => place.fresh(), open }, 25);
}
