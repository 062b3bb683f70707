/**
 * The gates of all tenants that asked: made at the first request, told what the store knows once a second, and their
 * usage written down every few seconds, so that a day's quota outlives a restart. What a crash may forget, and what
 * several processes may admit beyond a quota, is what they admit in that time.
 */
import type { Clock } from '../core/clock.js';
import type { TenantLimits, TenantStore } from '../store/tenants-contract.js';
import { dayOf, TenantGate } from './tenant-gate.js';

/** A tenant that is changed by another process is known as such within this time. */
const KNOWN_MS = 1_000;
/** A commit for each tenant that asked. */
const SAVE_MS = 5_000;

export interface TenantGates {
  /** Errors STORE_FAILED. */
  of(tenant: string): Promise<TenantGate>;
  /** The next request sees the tenant as it is in the store now. */
  forget(tenant: string): void;
  /** Writes down what was used. */
  save(): Promise<void>;
  /** Saves a last time. */
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
  let saving: Promise<void> = Promise.resolve();

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
      // A store that is busy is asked again next time: the gate remembers.
      const whole = await store.addUsage(gate.tenant, unsaved.day, unsaved.usage);
      if (whole) gate.saved(unsaved.day, unsaved.usage, whole);
    }
  }
  /** One after the other: what is saved twice counts twice. */
  const save = (): Promise<void> => {
    saving = saving.then(saveAll).catch(about.onSaveError);
    return saving;
  };

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
