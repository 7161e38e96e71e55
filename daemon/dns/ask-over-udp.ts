// SPDX-License-Identifier: Apache-2.0
import { createSocket, type SocketOptions } from 'node:dgram';
import { LeatError } from '../errors/leat-error.ts';
import { type Endpoint, familyOf, formatEndpoint } from '../net/endpoint.ts';
import { isAnswerTo } from './match-answer.ts';

/** Addresses only are ever sent to; Node's own lookup would go through its thread pool's queue for each packet. */
export const addressLookup: NonNullable<SocketOptions['lookup']> = (address, _options, callback) =>
  callback(null, address, address.includes(':') ? 6 : 4);

/**
 * Sends the query as it is to the server and resolves with its answer as it is. A socket of its own for each query: the
 * kernel gives it a random source port (RFC 5452 §9.2), and since it is connected only that server's packets arrive.
 * Packets that do not answer the query are not listened to.
 * @throws UPSTREAM_CONNECT_FAILED nobody there; UPSTREAM_TIMEOUT; the signal's reason
 */
export function askOverUdp(query: Buffer, server: Endpoint, deadlineMs: number, signal: AbortSignal): Promise<Buffer> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const socket = createSocket({ type: familyOf(server.address) === 6 ? 'udp6' : 'udp4', lookup: addressLookup });
  const onFailure = (cause: Error): void =>
    reject(new LeatError('UPSTREAM_CONNECT_FAILED', `DNS server ${formatEndpoint(server)} can't be asked`, { cause }));
  const onAbort = (): void => reject(signal.reason);
  const timer = setTimeout(
    () =>
      reject(
        new LeatError('UPSTREAM_TIMEOUT', `DNS server ${formatEndpoint(server)} did not answer in ${deadlineMs} ms`),
      ),
    deadlineMs,
  );
  signal.addEventListener('abort', onAbort, { once: true });
  socket.on('error', onFailure);
  socket.on('message', (answer) => {
    if (isAnswerTo(query, answer)) resolve(answer);
  });
  socket.once('connect', () =>
    socket.send(query, (error) => {
      if (error !== null) onFailure(error);
    }),
  );
  try {
    socket.connect(server.port, server.address);
  } catch (error) {
    // A port that is none: thrown at once, while the timer is already set.
    onFailure(error as Error);
  }
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    socket.close();
  });
}
