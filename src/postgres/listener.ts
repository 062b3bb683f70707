/**
 * One connection that waits for news of other processes. What they change while it is away it does not see: each connection
 * is news too, and readers poll as well. It must lead to the server itself, or to a pooler that keeps sessions.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { urlsOf } from './hosts.js';
import { prepareSession } from './session.js';

/** Of NOTIFY. All stores of one database share it: news of another one are harmless. */
export const CHANNEL = 'zeef';

/** To connect, and for each statement: a server that takes longer is tried again. */
const ANSWER_MS_MAX = 2_000;
const KEEP_ALIVE_MS = 5_000;
/** Before the next host is tried, doubled after each failure: soon after a restart, seldom during an outage. */
const PAUSE_MS_MIN = 100;
const PAUSE_MS_MAX = 5_000;

export class Listener {
  readonly #urls: readonly string[];
  readonly #subscribers = new Set<() => void>();
  #at = 0;
  #pauseMs = PAUSE_MS_MIN;
  #client: Client | null = null;
  #timer: NodeJS.Timeout | null = null;
  #connecting: Promise<void> | null = null;
  #isStarted = false;
  #isClosed = false;

  /** Errors CONFIG_INVALID: the URL is malformed. It connects with the first subscriber. */
  constructor(url: string) {
    this.#urls = urlsOf(url);
  }

  /** Call `subscriber` at each notification, and each time that it has connected. Result: ends that. */
  on(subscriber: () => void): () => void {
    this.#subscribers.add(subscriber);
    if (!this.#isStarted) this.#connect();
    this.#isStarted = true;
    return () => void this.#subscribers.delete(subscriber);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.#connecting;
    if (this.#client) await end(this.#client);
  }

  #connect(): void {
    this.#connecting = this.#listen()
      .catch(() => this.#connectLater())
      .finally(() => {
        this.#connecting = null;
      });
  }

  /** Also after a loss: the host may be gone for long, or a standby by now. */
  #connectLater(): void {
    if (this.#isClosed) return;
    this.#at = (this.#at + 1) % this.#urls.length;
    this.#timer = setTimeout(() => this.#connect(), this.#pauseMs);
    this.#timer.unref();
    this.#pauseMs = Math.min(PAUSE_MS_MAX, this.#pauseMs * 2);
  }

  async #listen(): Promise<void> {
    const client = new Client({
      connectionString: this.#urls[this.#at]!,
      application_name: 'zeef',
      connectionTimeoutMillis: ANSWER_MS_MAX,
      query_timeout: ANSWER_MS_MAX,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    });
    let isEnded = false;
    // Without this a connection that is lost would end the process.
    client.on('error', () => {});
    client.on('notification', () => this.#publish());
    client.once('end', () => {
      isEnded = true;
      if (this.#client !== client) return;
      this.#client = null;
      this.#connectLater();
    });
    try {
      await client.connect();
      await prepareSession(client);
      await client.query(`LISTEN ${CHANNEL}`);
      if (isEnded) throw new Error('the connection has ended');
    } catch (error) {
      void end(client);
      throw error;
    }
    this.#client = client;
    this.#pauseMs = PAUSE_MS_MIN;
    this.#publish();
  }

  #publish(): void {
    for (const subscriber of this.#subscribers) subscriber();
  }
}

/** A server that does not answer is not waited for. */
const end = (client: Client) =>
  Promise.race([client.end().catch(() => {}), delay(ANSWER_MS_MAX, null, { ref: false })]);
