/** One value, checked as an item of `POST /v1/check/hashes`: counted, watched for probing, recorded and answered in the same way. */
import type { FastifyRequest } from 'fastify';
import type { HashItem, HashItemAnswer } from '../check/check-hashes.js';
import type { CheckOptions } from '../check/check-image.js';
import { AppError } from '../core/errors.js';
import type { Service } from '../service/service.js';
import { watchedBatch } from '../tenants/watched.js';
import { type Reduced, reduced } from './answers.js';

type Answered = Extract<HashItemAnswer, { readonly verdict: unknown }>;

/** As `answerOneHash`, with what the caller may see. */
export async function checkOneHash(
  service: Service,
  request: FastifyRequest,
  item: HashItem,
  options: CheckOptions,
): Promise<Reduced<Answered> & { readonly generation: number }> {
  const { generation, ...answer } = await answerOneHash(service, request, item, options);
  return { ...reduced(request, answer), generation };
}

/** Result: recorded. Errors LIST_NOT_FOUND, VALUE_INVALID, RADIUS_INVALID; those of the tenant's limits and of the store. */
export async function answerOneHash(
  service: Service,
  request: FastifyRequest,
  item: HashItem,
  options: CheckOptions,
): Promise<Answered & { readonly generation: number }> {
  const { gate } = request.caller;
  const batch = watchedBatch(service.openBatch(options, { isStream: false }), gate, service.probing);
  const { reference } = options;
  const [answer] = await batch.checkItems([reference === null ? item : { ...item, id: reference }]);
  if (answer === undefined) throw new Error('a batch of one item has one answer');
  if ('error' in answer) {
    const { code, field, expected } = answer.error;
    throw new AppError(code, {
      ...(field === null ? {} : { field }),
      ...(expected === undefined ? {} : { expected }),
    });
  }
  return { ...answer, generation: batch.generation };
}
