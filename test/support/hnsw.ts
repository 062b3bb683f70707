/** hnswlib-node is optional: without a compiler it is not installed. */
import { isHnswAvailable } from '../../src/index/hnsw.js';
import { orLeftOut } from './left-out.js';

export const hasHnsw = orLeftOut(await isHnswAvailable(), 'hnswlib-node is not installed', 'tests on it');
