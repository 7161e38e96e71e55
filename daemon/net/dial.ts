// SPDX-License-Identifier: Apache-2.0
import { connect, type Socket } from 'node:net';
import { LeatError } from '../errors/leat-error.ts';
import { connectionError } from './connection-error.ts';
import { withDeadline } from './deadline.ts';
import { familyOf, formatEndpoint, type IpAddress, parseIpAddress } from './endpoint.ts';
import { keepErrorForNextOwner } from './socket-ownership.ts';

export interface DialTarget {
  /** Host name or IP address. */
  readonly host: string;
  readonly port: number;
  /** For resolution and all attempts together. */
  readonly timeoutMs: number;
}

/**
 * A connected socket: half-open allowed, paused, no delay, keepalive after 30 s.
 * @throws UPSTREAM_UNRESOLVED, UPSTREAM_ADDRESS_REFUSED, UPSTREAM_CONNECT_FAILED, UPSTREAM_CONNECT_TIMEOUT, or the
 * signal's reason
 */
export type DialDirect = (target: DialTarget, signal: AbortSignal) => Promise<Socket>;

export interface DialPorts {
  readonly resolve: (host: string, signal: AbortSignal) => Promise<readonly IpAddress[]>;
  /** Asked for every address right before it is connected to: what a name resolves to is the attacker's choice. */
  readonly guard: (address: IpAddress, port: number) => LeatError | null;
}

/** RFC 8305 §5, Connection Attempt Delay. */
const ATTEMPT_DELAY_MS = 250;
const KEEPALIVE_MS = 30_000;

/** Resolves, asks the guard about each address, and connects to the first that answers, families in turns. */
export function createDial({ resolve, guard }: DialPorts): DialDirect {
  return async ({ host, port, timeoutMs }, signal) => {
    const onTimeout = (): LeatError => connectTimeout(host, port, timeoutMs);
    let connected: Socket | null = null;
    try {
      return await withDeadline(timeoutMs, onTimeout, signal, async (inner) => {
        const literal = parseIpAddress(host);
        const addresses = literal === null ? await resolve(host, inner) : [literal];
        const socket = await connectToFirst(
          interleaveFamilies(admitAddresses(host, port, addresses, guard)),
          port,
          inner,
        );
        connected = inner.aborted ? null : socket;
        if (inner.aborted) socket.destroy();
        return socket;
      });
    } catch (error) {
      // An abort may come between the connect and the caller's turn: nobody else knows the socket then.
      (connected as Socket | null)?.destroy();
      throw error;
    }
  };
}

/** The error of a target that did not accept in time. */
export function connectTimeout(host: string, port: number, timeoutMs: number): LeatError {
  return new LeatError(
    'UPSTREAM_CONNECT_TIMEOUT',
    `no connection to ${host} port ${port} within ${timeoutMs} ms: it does not answer, or packets to it are dropped`,
  );
}

/** Those that may be dialled; never empty. @throws UPSTREAM_UNRESOLVED, UPSTREAM_ADDRESS_REFUSED, or what the guard has */
export function admitAddresses(
  host: string,
  port: number,
  addresses: readonly IpAddress[],
  guard: DialPorts['guard'],
): IpAddress[] {
  const admitted: IpAddress[] = [];
  let refusal: LeatError | null = null;
  for (const address of addresses) {
    const refused = guard(address, port);
    if (refused === null) admitted.push(address);
    else refusal ??= refused;
  }
  if (admitted.length > 0) return admitted;
  if (refusal === null) throw new LeatError('UPSTREAM_UNRESOLVED', `${host} has no address`);
  if (refusal.code !== 'UPSTREAM_ADDRESS_REFUSED') throw refusal;
  throw new LeatError(
    'UPSTREAM_ADDRESS_REFUSED',
    `${host} port ${port} is refused as an upstream (${refusal.message}); NodePolicy upstreams.allow opens addresses`,
    { cause: refusal },
  );
}

/** RFC 8305 §4: families alternate, the resolver's first choice leads. */
function interleaveFamilies(addresses: readonly IpAddress[]): IpAddress[] {
  const [first] = addresses;
  if (first === undefined) return [];
  const leading = addresses.filter((address) => familyOf(address) === familyOf(first));
  const other = addresses.filter((address) => familyOf(address) !== familyOf(first));
  const mixed: IpAddress[] = [];
  for (let i = 0; i < Math.max(leading.length, other.length); i++) {
    mixed.push(...leading.slice(i, i + 1), ...other.slice(i, i + 1));
  }
  return mixed;
}

/**
 * Node's own autoSelectFamily gives an attempt up when the next one starts; RFC 8305 keeps it in the race, without which
 * a peer that takes longer than the delay is never reached at any but its last address.
 */
function connectToFirst(addresses: readonly IpAddress[], port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const attempts = new Set<Socket>();
    const failures: LeatError[] = [];
    let next = 0;
    let timer: NodeJS.Timeout | undefined;

    const finish = (winner: Socket | null): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      for (const attempt of attempts) if (attempt !== winner) attempt.destroy();
    };
    const onAbort = (): void => {
      finish(null);
      reject(signal.reason);
    };
    const onFailure = (address: IpAddress, cause: unknown): void => {
      failures.push(connectionError(formatEndpoint({ address, port }), cause));
      if (next < addresses.length) startNext();
      else if (attempts.size === 0) {
        finish(null);
        reject(failures[0]);
      }
    };
    const startNext = (): void => {
      clearTimeout(timer);
      const address = addresses[next++];
      if (address === undefined) return;
      const socket = connect({
        host: address,
        port,
        allowHalfOpen: true,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: KEEPALIVE_MS,
      });
      // Before the connection stands: a paused socket leaves the peer's first bytes in the kernel.
      socket.pause();
      attempts.add(socket);
      keepErrorForNextOwner(socket);
      const onError = (cause: unknown): void => {
        attempts.delete(socket);
        onFailure(address, cause);
      };
      socket.once('error', onError);
      socket.once('connect', () => {
        socket.off('error', onError);
        finish(socket);
        resolve(socket);
      });
      if (next < addresses.length) timer = setTimeout(startNext, ATTEMPT_DELAY_MS);
    };

    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    startNext();
  });
}
