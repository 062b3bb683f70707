/**
 * The gates of all active tenants: created at the first request, refreshed from the store once a second, and their
 * usage saved every few seconds, so that a daily quota survives a restart. A crash loses, and several processes exceed
 * a quota by, at most the admissions of that time.
 */
import pLimit from 'p-limit';
import type { Clock } from '../core/clock.js';
import type { TenantLimits, TenantStore } from '../store/tenants-contract.js';
import { dayOf, TenantGate } from './tenant-gate.js';

/** A tenant's change by another process is seen within this time. */
const KNOWN_MS = 1_000;
/** One commit for each active tenant. */
const SAVE_MS = 5_000;

export interface TenantGates {
  /** Errors STORE_FAILED. */
  of(tenant: string): Promise<TenantGate>;
  /** Make the next request read the tenant from the store. */
  forget(tenant: string): void;
  /** Save the usage. */
  save(): Promise<void>;
  /** Save a last time, then stop. */
  close(): Promise<void>;
}

export function createTenantGates(
  store: TenantStore,
  about: {
    readonly clock: Clock;
    readonly defaults: TenantLimits;
    readonly alarmedPerSecond: number;
    readonly onSaveError: (error: unknown) => void;
  },
): TenantGates {
  const { clock } = about;
  const gates = new Map<string, Promise<TenantGate>>();
  const knownUntilMs = new Map<string, number>();
  let seed: Promise<number> | null = null;
  let timer: NodeJS.Timeout | null = null;
  const oneAtATime = pLimit(1);

  async function make(tenant: string): Promise<TenantGate> {
    seed ??= store.usageSeed();
    const day = dayOf(clock.nowMs());
    const [info, usage] = await Promise.all([store.tenant(tenant), store.usage(tenant, day)]);
    return new TenantGate(tenant, { ...about, seed: await seed }, { info, day, usage });
  }

  async function saveAll(): Promise<void> {
    for (const made of gates.values()) {
      const gate = await made;
      const unsaved = gate.unsaved();
      if (!unsaved) continue;
      // A busy store is retried next time: the gate keeps the usage.
      const whole = await store.addUsage(gate.tenant, unsaved.day, unsaved.usage);
      if (whole) gate.saved(unsaved.day, unsaved.usage, whole);
    }
  }
  /** Serialised: usage that is saved twice counts twice. */
  const save = (): Promise<void> => oneAtATime(saveAll).catch(about.onSaveError);

  return {
    async of(tenant) {
      timer ??= setInterval(save, SAVE_MS).unref();
      let made = gates.get(tenant);
      if (!made) {
        made = make(tenant);
        gates.set(tenant, made);
        made.catch(() => gates.delete(tenant));
        knownUntilMs.set(tenant, performance.now() + KNOWN_MS);
      }
      const gate = await made;
      if (performance.now() >= (knownUntilMs.get(tenant) ?? 0)) {
        knownUntilMs.set(tenant, performance.now() + KNOWN_MS);
        gate.info = await store.tenant(tenant);
      }
      return gate;
    },
    forget: (tenant) => void knownUntilMs.delete(tenant),
    save,
    async close() {
      if (timer) clearInterval(timer);
      await save();
    },
  };
}
