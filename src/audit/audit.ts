/**
 * The store as somebody changes it: every change that goes through here is in the audit log, with who made it. What is
 * not a change passes. A change is written down before it is made, so that whatever happens none is made without a row;
 * and how it ended, before it is answered.
 */
import type { Clock } from '../core/clock.js';
import { AppError } from '../core/errors.js';
import type { AuditAction, AuditDetails, AuditStore } from '../store/audit-contract.js';
import type { Store } from '../store/store.js';

/** Zeef itself: what it does without being asked. */
export const ZEEF = 'zeef';

export interface Audit {
  /**
   * Does it, between the two rows that tell of it. Errors of `act`, which is then told as failed; STORE_FAILED: it could
   * not be written down, before it was done, or once it was: then the first row stands alone.
   */
  withAudit<T>(actor: string, deed: AuditedOperation<T>, act: () => Promise<T>): Promise<T>;
  /** `actor`: as in `AuditEvent`. */
  as(actor: string): Store;
}

interface AuditSubject {
  readonly tenant?: string | null;
  readonly target?: string | null;
  readonly details?: AuditDetails;
}

/** What is known before it is done, and what only its result tells. */
export interface AuditedOperation<T> extends AuditSubject {
  readonly action: AuditAction;
  readonly detailsOf?: (result: T) => AuditSubject;
}

export type WithAudit = <T>(deed: AuditedOperation<T>, act: () => Promise<T>) => Promise<T>;

/** `storeDoing`: the store of which every change is made by `doing`. */
export function createAudit(audit: AuditStore, clock: Clock, storeDoing: (withAudit: WithAudit) => Store): Audit {
  const withAudit = async <T>(
    actor: string,
    { action, detailsOf, ...about }: AuditedOperation<T>,
    act: () => Promise<T>,
  ): Promise<T> => {
    const { tenant = null, target = null, details = {} } = about;
    const event = () => ({ at: new Date(clock.nowMs()).toISOString(), actor, action, tenant, target });
    const begun = await audit.append({ ...event(), details, outcome: 'begun', ends: null });
    let result: T;
    try {
      result = await act();
    } catch (error) {
      const code = error instanceof AppError ? error.code : 'INTERNAL';
      await audit
        .append({ ...event(), details: { ...details, code }, outcome: 'failed', ends: begun.seq })
        // The caller must hear what went wrong first; the row before stands for what nobody knows the end of.
        .catch(() => {});
      throw error;
    }
    const { details: facts, ...after } = detailsOf?.(result) ?? {};
    await audit.append({ ...event(), ...after, details: { ...details, ...facts }, outcome: 'done', ends: begun.seq });
    return result;
  };
  return { withAudit, as: (actor) => storeDoing((deed, act) => withAudit(actor, deed, act)) };
}

/**
 * `reads` change nothing that anybody decides, and pass; every other method must be among `changes`: a new one that is in
 * neither does not compile. A class's methods are not its own properties, so a spread would lose them.
 */
export function overrideMethods<T extends object, Read extends keyof T>(
  store: T,
  _reads: readonly Read[],
  changes: Omit<T, Read>,
): T {
  return new Proxy(store, {
    get(target, name) {
      const changed = (changes as Partial<T>)[name as keyof T];
      if (changed !== undefined) return changed;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
