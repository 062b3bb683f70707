/** The processes that use the store: which versions and lists answer now, and whether their clocks agree. */
import { byId, emptiness, make, table } from './dom.js';
import type { Replica } from './types.js';
import { count, duration } from './words.js';

/** A service with such a clock is not ready. */
const SKEW_MS_MAX = 2_000;

export function showReplicas(replicas: readonly Replica[]): void {
  const newest = Math.max(0, ...replicas.filter(({ isLive }) => isLive).map(({ generation }) => generation));
  byId('replicas').replaceChildren(
    replicas.length === 0
      ? emptiness('There are no replicas.', 'This process has not written its row yet.')
      : table('Replicas: version, generation, clock', replicas, [
          { head: 'Host', cell: ({ host, id }) => make('span', { title: id }, host) },
          { head: 'Kind', cell: ({ kind }) => kind },
          { head: 'Version', cell: ({ codeVersion }) => codeVersion },
          {
            head: 'Generation',
            number: true,
            cell: ({ generation, isLive }) =>
              isLive && generation < newest
                ? make('strong', { class: 'warn-text' }, count(generation))
                : count(generation),
          },
          {
            head: 'Last seen',
            number: true,
            cell: ({ seenMsAgo, isLive }) =>
              make('span', { class: isLive ? 'soft' : 'warn-text' }, `${duration(seenMsAgo / 1_000)} ago`),
          },
          {
            head: 'Clock',
            number: true,
            cell: ({ skewMs }) => {
              const text = `${skewMs > 0 ? '+' : ''}${count(skewMs)} ms`;
              return Math.abs(skewMs) > SKEW_MS_MAX ? make('strong', { class: 'late' }, text) : text;
            },
          },
        ]),
  );
}
