/** A way to a server that a test can disturb: connections that are cut, replies that are lost, bytes that do not arrive. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { PostgresServer } from './postgres.js';

interface Fault {
  readonly text: string;
  readonly after: () => void;
}

export class PostgresProxy {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  /** What a client sends before its reply is lost, and what it sends when it is cut. */
  #losing: Fault | null = null;
  #cutting: Fault | null = null;
  lostReplies = 0;
  /** What clients sent at a time: short statements are one each. */
  sent = 0;

  private constructor(path: string) {
    this.#server = createServer((client) => {
      const database = connect(path);
      const pair = [client, database] as const;
      this.#pairs.add(pair);
      let losing: Fault | null = null;
      const end = () => {
        this.#pairs.delete(pair);
        client.destroy();
        database.destroy();
      };
      for (const socket of pair) socket.on('error', end).on('close', end);
      client.on('data', (bytes) => {
        this.sent++;
        if (this.#cutting !== null && bytes.includes(this.#cutting.text)) {
          const { after } = this.#cutting;
          this.#cutting = null;
          end();
          return after();
        }
        if (this.#losing !== null && bytes.includes(this.#losing.text)) {
          losing = this.#losing;
          this.#losing = null;
        }
        database.write(bytes);
      });
      database.on('data', (bytes) => {
        if (!losing) return client.write(bytes);
        this.lostReplies++;
        end();
        return losing.after();
      });
    });
  }

  static async to(server: PostgresServer): Promise<PostgresProxy> {
    const proxy = new PostgresProxy(join(decodeURIComponent(server.host), '.s.PGSQL.5432'));
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  /** Return the URL of a place by this way. */
  url(direct: string): string {
    const { port } = this.#server.address() as AddressInfo;
    return direct.replace(/@[^/]+/, `@127.0.0.1:${port}`);
  }

  /** Cut all connections. */
  cut(): void {
    for (const [client, database] of this.#pairs) {
      client.destroy();
      database.destroy();
    }
  }

  /** Deliver the next bytes with this text, and cut the connection when the server replies. */
  loseReply(text: string, after: () => void = () => {}): void {
    this.#losing = { text, after };
  }

  /** Cut the connection at the next bytes with this text, which are not delivered. */
  cutAt(text: string, after: () => void): void {
    this.#cutting = { text, after };
  }

  /** Deliver no bytes until `flow`, on connections of now. */
  stall(): void {
    for (const socket of [...this.#pairs].flat()) socket.pause();
  }

  flow(): void {
    for (const socket of [...this.#pairs].flat()) socket.resume();
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}
