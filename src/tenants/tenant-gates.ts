/**
 * The gates of all active tenants: created at the first request, refreshed from the store once a second, and their
 * usage saved every two seconds, so that a daily quota survives a restart. A crash loses, and several processes exceed
 * a quota by, at most the admissions of that time. While there are requests, the parts of the limits are exchanged with the
 * other processes once a second, in the background.
 */
import { setTimeout as delay } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { Clock } from '../core/clock.js';
import type { ShareStore } from '../store/shares-contract.js';
import type { TenantLimits, TenantStore } from '../store/tenants-contract.js';
import { EXCHANGE_MS, Shares } from './shares.js';
import { dayOf, TenantGate } from './tenant-gate.js';

/** A tenant's change by another process is seen within this time. */
const KNOWN_MS = 1_000;
/** One commit for each active tenant. */
const SAVE_MS = 2_000;
/** A tenant without requests for so long has no part any more; a process without any does not exchange. */
const ACTIVE_MS = 60_000;
/** A tenant's first request in this process is followed by an exchange after this time: it may be one of many. */
const GATHER_MS = 20;
/** Longest wait of the first request of a process, in parallel to its reads; the floor holds until the answer. */
const JOIN_MS = 1_000;

export interface TenantGates {
  /** Errors STORE_FAILED. */
  of(tenant: string): Promise<TenantGate>;
  /** Make the next request read the tenant from the store. */
  forget(tenant: string): void;
  /** Save the usage. */
  save(): Promise<void>;
  /** Exchange parts of the limits with the other processes. */
  exchange(): Promise<void>;
  /** Save a last time, then stop. */
  close(): Promise<void>;
}

export function createTenantGates(
  store: TenantStore,
  about: {
    readonly clock: Clock;
    readonly shares: ShareStore;
    readonly defaults: TenantLimits;
    readonly alarmedPerSecond: number;
    readonly onSaveError: (error: unknown) => void;
  },
): TenantGates {
  const { clock } = about;
  const gates = new Map<string, Promise<TenantGate>>();
  const knownUntilMs = new Map<string, number>();
  const sharing = startSharing(about.shares, about.onSaveError);
  const { shares } = sharing;
  let seed: Promise<number> | null = null;
  let timer: NodeJS.Timeout | null = null;
  const oneAtATime = pLimit(1);

  async function make(tenant: string): Promise<TenantGate> {
    seed ??= store.usageSeed();
    const day = dayOf(clock.nowMs());
    const [info, usage] = await Promise.all([store.tenant(tenant), store.usage(tenant, day), sharing.join()]);
    const partOf = (name: string) => shares.partOf(name);
    return new TenantGate(tenant, { ...about, partOf, seed: await seed }, { info, day, usage });
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
        [gate.info] = await Promise.all([store.tenant(tenant), sharing.join()]);
      }
      sharing.note(gate);
      return gate;
    },
    forget: (tenant) => void knownUntilMs.delete(tenant),
    save,
    exchange: () => sharing.exchange(),
    async close() {
      if (timer) clearInterval(timer);
      await save();
      await sharing.close();
    },
  };
}

interface Sharing {
  readonly shares: Shares;
  /** Note a request of the gate's tenant. */
  note(gate: TenantGate): void;
  /** Wait a limited time for the first exchange, or the first after a pause. */
  join(): Promise<void>;
  exchange(): Promise<void>;
  close(): Promise<void>;
}

/** Exchanges the parts of active tenants while there are any. */
function startSharing(store: ShareStore, onError: (error: unknown) => void): Sharing {
  const shares = new Shares(store, () => performance.now());
  const activeUntilMs = new Map<TenantGate, number>();
  let triedMs = -Infinity;
  let timer: NodeJS.Timeout | null = null;
  let soon: NodeJS.Timeout | null = null;
  let running: Promise<void> | null = null;

  async function exchangeAll(): Promise<void> {
    triedMs = performance.now();
    for (const [gate, untilMs] of activeUntilMs) if (triedMs >= untilMs) activeUntilMs.delete(gate);
    const active = [...activeUntilMs.keys()];
    const needs = active.map((gate) => gate.need());
    // A long request is one of now.
    for (const [at, { use }] of needs.entries()) {
      if (use.checks > 0 || use.requests > 0) activeUntilMs.set(active[at]!, triedMs + ACTIVE_MS);
    }
    try {
      await shares.exchange(() => active.map((gate) => gate.need()));
    } catch (error) {
      onError(error);
    }
    for (const gate of active) gate.applyPart();
  }
  /** One at a time: a slow store is not asked again meanwhile. */
  const exchange = (): Promise<void> => {
    running ??= exchangeAll().finally(() => {
      running = null;
    });
    return running;
  };
  const tick = () => {
    if (activeUntilMs.size > 0) return void exchange();
    // The lease ends by itself; the next request joins again.
    if (timer) clearInterval(timer);
    timer = null;
  };

  return {
    shares,
    note(gate) {
      activeUntilMs.set(gate, performance.now() + ACTIVE_MS);
      timer ??= setInterval(tick, EXCHANGE_MS).unref();
      if (shares.has(gate.tenant) || !shares.isKnown) return;
      soon ??= setTimeout(() => {
        soon = null;
        void exchange();
      }, GATHER_MS).unref();
    },
    async join() {
      // A store that could not be reached is tried in the background.
      if (shares.isKnown || (performance.now() - triedMs < EXCHANGE_MS && !running)) return;
      // Of an exchange that hangs, only the requests of its first moment wait.
      const leftMs = running ? triedMs + JOIN_MS - performance.now() : JOIN_MS;
      if (leftMs > 0) await Promise.race([exchange(), delay(leftMs, undefined, { ref: false })]);
    },
    exchange,
    async close() {
      if (timer) clearInterval(timer);
      if (soon) clearTimeout(soon);
      await running;
      if (shares.isKnown) await shares.leave().catch(onError);
    },
  };
}
