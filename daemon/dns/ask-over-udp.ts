// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';
import { type Endpoint, formatEndpoint } from '../net/endpoint.ts';
import { isAnswerTo } from './match-answer.ts';
import { type AskingSockets, freshSockets } from './ready-sockets.ts';

/**
 * Sends the query as it is to the server and resolves with its answer as it is. A socket of its own for each query, so that
 * nobody can guess the port that the answer has to come to. Packets that do not answer the query are not listened to.
 * @throws UPSTREAM_CONNECT_FAILED nobody there; UPSTREAM_TIMEOUT; the signal's reason
 */
export function askOverUdp(
  query: Buffer,
  server: Endpoint,
  deadlineMs: number,
  signal: AbortSignal,
  sockets: AskingSockets = freshSockets,
): Promise<Buffer> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
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
  const socket = sockets.take(server);
  socket.on('error', onFailure);
  socket.on('message', (answer) => {
    if (isAnswerTo(query, answer)) resolve(answer);
  });
  try {
    socket.send(query, (error) => {
      if (error !== null) onFailure(error);
    });
  } catch (error) {
    // It could not be connected.
    onFailure(error as Error);
  }
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    sockets.retire(socket);
  });
}
