// SPDX-License-Identifier: Apache-2.0
import { createSocket, type Socket, type SocketOptions } from 'node:dgram';
import { type Endpoint, familyOf, formatEndpoint } from '../net/endpoint.ts';

/** Addresses only are ever sent to; Node's own lookup would go through its thread pool's queue for each packet. */
export const addressLookup: NonNullable<SocketOptions['lookup']> = (address, _options, callback) =>
  callback(null, address, address.includes(':') ? 6 : 4);

/** Where the sockets that ask come from, and where they end. */
export interface AskingSockets {
  /** A socket that never asked and is connected to the server. Where that can't be, it tells by an `error` event. */
  take(server: Endpoint): Socket;
  /** The socket has asked, and is never used again. */
  retire(socket: Socket): void;
}

/**
 * The kernel gives each a random source port (RFC 5452 §9.2), and since it is connected only that server's packets arrive:
 * to everybody else its port looks closed, also while it waits for its query.
 */
function connectSocket({ address, port }: Endpoint): Socket {
  const socket = createSocket({ type: familyOf(address) === 6 ? 'udp6' : 'udp4', lookup: addressLookup });
  try {
    socket.bind({ port: 0, exclusive: true });
    socket.connect(port, address);
  } catch (error) {
    // A port that is none is thrown at once; heard like any other failure once somebody listens.
    process.nextTick(() => socket.emit('error', error));
  }
  return socket;
}

/** Made when it is needed, closed when it is done. */
export const freshSockets: AskingSockets = { take: connectSocket, retire: (socket) => void socket.close() };

/** After so long the next sockets are made and the used ones closed: most answers are there by then. */
const TIDY_AFTER_MS = 5;
/** A server that nobody asked for so long has no sockets any more. */
const IDLE_MS = 2_000;
const MOST_READY = 64;
const MOST_SERVERS = 8;

interface Ready {
  readonly server: Endpoint;
  readonly sockets: Socket[];
  /** Falls by one each time that fewer would have done. */
  wanted: number;
  takenSinceTidy: number;
  takenAtMs: number;
}

/**
 * Sockets that are connected before their query comes: to make one and to close it takes as long as all the rest of
 * forwarding a query. Twice as many wait for a server as were taken a moment ago, and none is used twice; a server that
 * nobody asks has none.
 */
export class ReadySockets implements AskingSockets {
  readonly #ready = new Map<string, Ready>();
  readonly #used: Socket[] = [];
  #soon: NodeJS.Timeout | null = null;
  #later: NodeJS.Timeout | null = null;

  take(server: Endpoint): Socket {
    const key = formatEndpoint(server);
    let ready = this.#ready.get(key);
    if (ready === undefined && this.#ready.size < MOST_SERVERS) {
      ready = { server, sockets: [], wanted: 0, takenSinceTidy: 0, takenAtMs: 0 };
      this.#ready.set(key, ready);
    }
    if (ready === undefined) return connectSocket(server);
    ready.takenSinceTidy += 1;
    ready.takenAtMs = performance.now();
    this.#tidySoon();
    // The oldest, so that none waits for long.
    const socket = ready.sockets.shift();
    if (socket === undefined) return connectSocket(server);
    socket.removeAllListeners('error');
    return socket;
  }

  retire(socket: Socket): void {
    socket.removeAllListeners();
    socket.on('error', () => undefined);
    this.#used.push(socket);
    this.#tidySoon();
  }

  /** Closes what waits; sockets that were taken are their takers'. */
  stop(): void {
    for (const timer of [this.#soon, this.#later]) if (timer !== null) clearTimeout(timer);
    for (const { sockets } of this.#ready.values()) this.#used.push(...sockets);
    this.#ready.clear();
    this.#closeUsed();
  }

  #tidySoon(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = null;
      this.#tidy();
    }, TIDY_AFTER_MS).unref();
  }

  #tidy(): void {
    const nowMs = performance.now();
    for (const [key, ready] of this.#ready) {
      if (nowMs - ready.takenAtMs > IDLE_MS) {
        this.#used.push(...ready.sockets);
        this.#ready.delete(key);
        continue;
      }
      ready.wanted = Math.min(MOST_READY, Math.max(2 * ready.takenSinceTidy, ready.wanted - 1));
      ready.takenSinceTidy = 0;
      while (ready.sockets.length < ready.wanted) ready.sockets.push(this.#prepare(ready.server));
      this.#used.push(...ready.sockets.splice(ready.wanted));
    }
    this.#closeUsed();
    if (this.#later !== null) this.#later.refresh();
    else this.#later = setTimeout(() => this.#tidy(), IDLE_MS + TIDY_AFTER_MS).unref();
  }

  /** What fails before it is needed fails again when it is taken, and is told then. */
  #prepare(server: Endpoint): Socket {
    const socket = connectSocket(server);
    socket.on('error', () => undefined);
    return socket;
  }

  #closeUsed(): void {
    for (const socket of this.#used.splice(0)) socket.close();
  }
}
