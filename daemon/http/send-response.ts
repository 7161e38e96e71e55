// SPDX-License-Identifier: Apache-2.0
import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { LeatError } from '../errors/leat-error.ts';
import type { UpstreamResponse } from './exchange.ts';
import { type HeaderList, headersToRaw, isHeaderValue } from './header-list.ts';
import { earlyHintLinks } from './interim-response.ts';

/**
 * Streams a response down, with its trailers, no faster than the client reads. Resolves with the bytes of the body; on
 * failure `count` has them.
 * @throws what destroyed the upstream's body; CLIENT_RESET; IDLE_TIMEOUT where the client stops to read
 */
export async function sendResponse(
  response: ServerResponse,
  upstream: UpstreamResponse,
  headers: HeaderList,
  { idleTimeoutMs, count }: { readonly idleTimeoutMs: number; readonly count: (bytes: number) => void },
): Promise<void> {
  // The upstream's Date, or its want of one, is the upstream's.
  response.sendDate = false;
  // Node refuses a reason phrase that is no Latin-1; nobody reads one (RFC 9112 §4).
  const reason = isHeaderValue(upstream.reason) ? upstream.reason : '';
  response.writeHead(upstream.status, reason, headersToRaw(headers));
  // With the first piece of the body in one packet where it is there already; else at once: a stream of events may
  // have a header long before it has an event.
  const flush = setImmediate(() => response.flushHeaders());
  try {
    await pump(upstream.body, response, idleTimeoutMs, count);
  } finally {
    clearImmediate(flush);
  }
  const trailers = upstream.trailers();
  if (trailers.length > 0) response.addTrailers(trailers.map(([name, value]): [string, string] => [name, value]));
  response.end();
}

function pump(
  body: Readable,
  response: ServerResponse,
  idleTimeoutMs: number,
  count: (bytes: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      stop(
        body.isPaused()
          ? new LeatError('IDLE_TIMEOUT', `the client read nothing for ${idleTimeoutMs} ms`)
          : new LeatError(
              'UPSTREAM_TIMEOUT',
              `the upstream stopped in the middle of its answer for ${idleTimeoutMs} ms`,
            ),
      );
    }, idleTimeoutMs);
    const onData = (chunk: Buffer): void => {
      count(chunk.length);
      timer.refresh();
      if (!response.write(chunk)) body.pause();
    };
    const onDrain = (): void => {
      timer.refresh();
      body.resume();
    };
    const onClose = (): void => stop(new LeatError('CLIENT_RESET', 'the client went away before it had the answer'));
    const stop = (error: Error | null): void => {
      clearTimeout(timer);
      body.off('data', onData).off('end', onEnd).off('close', onBodyClose);
      response.off('drain', onDrain).off('close', onClose);
      if (error === null) {
        resolve();
        return;
      }
      body.destroy();
      reject(error);
    };
    const onEnd = (): void => stop(null);
    const onError = (error: Error): void => stop(error);
    const onBodyClose = (): void =>
      stop(new LeatError('UPSTREAM_RESET', 'the upstream closed the connection before its answer was whole'));
    // The error listener stays: a body may fail once more while it is destroyed.
    body.on('data', onData).on('end', onEnd).on('close', onBodyClose).on('error', onError);
    response.on('drain', onDrain).on('close', onClose);
    if (response.destroyed) onClose();
    else if (body.destroyed) stop(body.errored ?? new LeatError('UPSTREAM_RESET', 'the upstream gave its answer up'));
  });
}

/** Interim responses that Node can write; others may be dropped (RFC 9110 §15.2 binds proxies that are asked for them). */
export function sendInformation(response: ServerResponse, status: number, headers: HeaderList): void {
  if (response.headersSent || response.req.httpVersion !== '1.1') return;
  if (status === 102) response.writeProcessing();
  if (status !== 103) return;
  const links = earlyHintLinks(headers);
  if (links.length > 0) response.writeEarlyHints({ link: links });
}
