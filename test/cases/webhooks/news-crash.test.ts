/** From the ledger's news to events of webhooks: where a process is killed in between, each webhook gets each event once. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { childEnv } from '../../../bench/child.js';
import { tempFolder } from '../../../bench/temp-folder.js';
import { artefact } from '../../../src/core/package-root.js';
import { openSqliteLedger } from '../../../src/sqlite/ledger/ledger.js';
import { openSqliteStore } from '../../../src/sqlite/open.js';
import { entry, HOUR, sighting } from '../../store/ledger-contract.js';

/** Collect the news in another process. `change`: of its parts; the process is killed where that calls `die`. */
async function collected(dataDir: string, change: string): Promise<NodeJS.Signals | null> {
  const source = `
    import { addNews } from ${JSON.stringify(artefact('src', 'cases', 'webhooks', 'collect-events.js'))};
    import { systemClock } from ${JSON.stringify(artefact('src', 'core', 'clock.js'))};
    import { openSqliteLedger } from ${JSON.stringify(artefact('src', 'sqlite', 'ledger', 'ledger.js'))};
    import { openSqliteStore } from ${JSON.stringify(artefact('src', 'sqlite', 'open.js'))};
    const { webhooks } = await openSqliteStore(${JSON.stringify(dataDir)});
    const ledger = openSqliteLedger(${JSON.stringify(dataDir)});
    const die = () => { process.kill(process.pid, 'SIGKILL'); return new Promise(() => {}); };
    const hits = { ...ledger, hit: async (tenant, id) => ({ id }) };
    const parts = { store: webhooks, hits, clock: systemClock, shouldStop: () => false };
    ${change}
    await addNews(parts);
    await ledger.close();`;
  // A file: the threads of the ledger would inherit the flags of a program that is given as an argument.
  const file = join(dataDir, 'collect.mjs');
  writeFileSync(file, source);
  const child = spawn(process.execPath, [file], { env: childEnv(), stdio: 'inherit' });
  return new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)));
}

const ADD = 'const add = webhooks.addEvents.bind(webhooks); let calls = 0; webhooks.addEvents =';

test.each([
  ['before any event is stored', `${ADD} die;`],
  ['between the events of two webhooks', `${ADD} (...args) => (calls++ === 0 ? add(...args) : die());`],
  ['before the news are forgotten', 'hits.forgetNews = die;'],
  ['after the news are forgotten', 'hits.forgetNews = (...args) => ledger.forgetNews(...args).then(die);'],
])(
  'killed %s: the next process completes it',
  async (_when, change) => {
    const dataDir = tempFolder('news-crash');
    const store = await openSqliteStore(dataDir);
    const ledger = openSqliteLedger(dataDir);
    const mark = await ledger.newsMark();
    const hook = { url: 'http://127.0.0.1:1/', secretEnv: 'S', mark, nowMs: HOUR };
    for (const tenant of [null, 'a', 'b']) await store.webhooks.addWebhook({ ...hook, tenant });
    await ledger.append({ atMs: HOUR, entries: [entry({ sightings: [sighting(1, 1), sighting(2, 2)] })] });
    expect(await collected(dataDir, change)).toBe('SIGKILL');
    expect(await collected(dataDir, '')).toBe(null);
    expect((await store.webhooks.webhooks(null)).map(({ waiting }) => waiting)).toEqual([2, 2, 0]);
    expect(await ledger.news(9)).toEqual({ news: [], lost: 0 });
    expect((await ledger.verify()).problems).toEqual([]);
    await ledger.close();
    await store.close();
  },
  60_000,
);
