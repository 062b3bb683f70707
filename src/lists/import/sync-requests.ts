/** Requests for syncs, from the routes of a process to its schedule; the request itself is in the source's row. */

export interface SyncRequests {
  /** Let a schedule look at once. A schedule of another process finds the request at its next look. */
  request(): void;
  /** Result: ends it. */
  onRequest(listener: () => void): () => void;
}

export function createSyncRequests(): SyncRequests {
  const listeners = new Set<() => void>();
  return {
    request() {
      for (const listener of listeners) listener();
    },
    onRequest(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
