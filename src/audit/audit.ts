/**
 * The audited store: every change made through it is in the audit log, with its actor. Reads pass through. A change is
 * recorded before it is made, so that no change lacks a row, and its outcome is recorded before the response is sent.
 */
import type { Clock } from '../core/clock.js';
import { AppError } from '../core/errors.js';
import type { AuditAction, AuditDetails, AuditStore } from '../store/audit-contract.js';
import type { Store } from '../store/store.js';

/** The actor of changes that Zeef makes on its own. */
export const ZEEF = 'zeef';

export interface Audit {
  /**
   * Run `act` between its two audit rows. Errors of `act`, which is then recorded as failed; STORE_FAILED: the first row
   * could not be written, and `act` did not run, or the second, and the first row stands alone.
   */
  withAudit<T>(actor: string, operation: AuditedOperation<T>, act: () => Promise<T>): Promise<T>;
  /** `actor`: as in `AuditEvent`. */
  as(actor: string): Store;
}

interface AuditSubject {
  readonly tenant?: string | null;
  readonly target?: string | null;
  readonly details?: AuditDetails;
}

/** The facts known before the operation, and those known only from its result (`detailsOf`). */
export interface AuditedOperation<T> extends AuditSubject {
  readonly action: AuditAction;
  readonly detailsOf?: (result: T) => AuditSubject;
}

export type WithAudit = <T>(operation: AuditedOperation<T>, act: () => Promise<T>) => Promise<T>;

/** `auditedStore`: makes a store whose every change runs in the given `withAudit`. */
export function createAudit(audit: AuditStore, clock: Clock, auditedStore: (withAudit: WithAudit) => Store): Audit {
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
        // The caller gets the error of `act`; the `begun` row marks an operation whose end is unknown.
        .catch(() => {});
      throw error;
    }
    const { details: facts, ...after } = detailsOf?.(result) ?? {};
    await audit.append({ ...event(), ...after, details: { ...details, ...facts }, outcome: 'done', ends: begun.seq });
    return result;
  };
  return { withAudit, as: (actor) => auditedStore((operation, act) => withAudit(actor, operation, act)) };
}

/**
 * Replace the methods in `changes`; `reads` pass through. A new method that is in neither does not compile. A class's
 * methods are not its own properties, so a spread would lose them.
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
