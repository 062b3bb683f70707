/** Identity of an object, in the fields that files have: what a listing and a response both say of it. */
import { createHash } from 'node:crypto';
import type { FileIdentity } from '../../core/file-identity.js';
import type { PathBytes } from '../../core/path-bytes.js';

export interface ObjectFacts {
  readonly bytes: number;
  /** Without quotes. */
  readonly etag: string;
  readonly modifiedMs: number;
}

const SECOND_MS = 1_000;
const SECOND_NS = 1_000_000_000n;

const hashOf = (parts: readonly (string | number)[]): Buffer =>
  createHash('sha256').update(JSON.stringify(parts)).digest();

/** Return the number of a bucket, in place of that of a filesystem. */
export const deviceOf = (bucket: string): bigint => hashOf([bucket]).readBigUInt64BE(0);

/** Return an ETag as services compare it: some list it without its quotes. */
export const bareEtag = (etag: string): string => etag.replace(/^"(.*)"$/s, '$1');

/**
 * Return the identity of an object: 128 bits of the SHA-256 of its key, ETag, size and date take the places of inode and ctime.
 * The date is in seconds, since responses have no fractions; an object that is written twice in one has two ETags.
 */
export function objectIdentity(
  { bucket, device }: { readonly bucket: string; readonly device: bigint },
  key: PathBytes,
  { bytes, etag, modifiedMs }: ObjectFacts,
): FileIdentity {
  const seconds = Math.floor(modifiedMs / SECOND_MS);
  const hash = hashOf([bucket, key, etag, bytes, seconds]);
  return {
    size: bytes,
    mtimeNs: BigInt.asIntN(64, BigInt(seconds) * SECOND_NS),
    ctimeNs: hash.readBigInt64BE(8),
    inode: hash.readBigUInt64BE(0),
    device,
  };
}
