/** Inspects PDQ rows in a thread of its own. */
import { workerData } from 'piscina';
import { type GateSettings, type PdqFindings, pdqInspector } from './pdq-gate.js';

const inspect = pdqInspector(workerData as GateSettings);

export default (hashes256: Uint8Array): PdqFindings => inspect(hashes256);
