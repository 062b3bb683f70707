/** hnswlib-node is optional: without a compiler it is not installed, and the tests on it say that they are left out. */
import { isHnswAvailable } from '../../src/index/hnsw.js';

export const hasHnsw = await isHnswAvailable();

if (!hasHnsw) process.stderr.write('hnswlib-node is not installed: tests on it are left out\n');
