/** Splits the bodies of large batches in a thread of its own, so that they do not delay other requests. */
import { AppError } from '../core/errors.js';
import { type BatchReply, type BatchTask, splitBatch } from './json-body.js';

export default function splitInThread({ bytes, itemsMax }: BatchTask): BatchReply {
  try {
    return { ok: true, ...splitBatch(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), itemsMax) };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { ok: false, code: error.code, details: { ...error.details } };
  }
}
