// SPDX-License-Identifier: Apache-2.0
import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { LeatError } from '../errors/leat-error.ts';
import type { UpstreamRequest, UpstreamResponse } from './exchange.ts';
import { type HeaderList, headersFromRaw, headersToRaw, isHeaderName, isHeaderValue } from './header-list.ts';
import { isFramingHeader } from './hop-by-hop.ts';
import { ResponseDeadline } from './response-deadline.ts';

/**
 * Sends a request through undici. Rejects where there is no response; a body that breaks off later destroys
 * `response.body`. Errors are those of undici and of the connector.
 */
export async function exchangePooled(dispatcher: Dispatcher, request: UpstreamRequest): Promise<UpstreamResponse> {
  const { method, path, headers, body, signal, responseTimeoutMs, idleTimeoutMs } = request;
  assertDispatchable(request);
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<UpstreamResponse>();
  let controller: Dispatcher.DispatchController | null = null;
  let responseBody: Readable | null = null;
  let trailers: HeaderList = [];
  let isOver = false;

  // undici knows no controller before it has a connection: then the promise alone tells the caller, and undici later.
  const onAbort = (): void => {
    controller?.abort(signal.reason);
    fail(signal.reason);
  };
  const finish = (): void => {
    isOver = true;
    deadline.stop();
    signal.removeEventListener('abort', onAbort);
  };
  const fail = (error: Error): void => {
    finish();
    if (responseBody === null) reject(error);
    else responseBody.destroy(error);
  };
  const deadline = new ResponseDeadline(responseTimeoutMs, (error) => {
    controller?.abort(error);
    fail(error);
  });
  signal.addEventListener('abort', onAbort, { once: true });

  dispatcher.dispatch(
    {
      method: method as Dispatcher.HttpMethod,
      path,
      headers: headersToRaw(headers),
      // undici takes any iterable; its types know streams only.
      body: (body === null ? null : deadline.watch(body)) as unknown as Readable | null,
      // undici's would count the time of the upload: the deadline above does not.
      headersTimeout: 0,
      bodyTimeout: idleTimeoutMs,
    },
    {
      onRequestStart(started) {
        controller = started;
        if (signal.aborted) started.abort(signal.reason);
        else deadline.start();
      },
      onResponseStart(started, status, _parsed, reason) {
        const received = decode(started.rawHeaders);
        if (status < 200) {
          request.onInformation(status, received);
          return;
        }
        deadline.stop();
        responseBody = new Readable({
          read: () => started.resume(),
          destroy: (error, done) => {
            if (!isOver) started.abort(error ?? new LeatError('CLIENT_RESET', 'the response was given up'));
            finish();
            done(error);
          },
        });
        resolve({ status, reason: reason ?? '', headers: received, body: responseBody, trailers: () => trailers });
      },
      onResponseData(started, chunk) {
        if (responseBody?.push(chunk) === false) started.pause();
      },
      onResponseEnd(ended) {
        finish();
        trailers = decode(ended.rawTrailers);
        responseBody?.push(null);
      },
      onResponseError(_controller, error) {
        fail(error);
      },
    },
  );
  return promise;
}

/**
 * What undici would refuse is refused before: a dispatch that undici rejects for its header leaves a Pool with bounded
 * connections waiting for ever (7.30 and 8.12), so one hostile header could stall an upstream for everybody.
 */
function assertDispatchable({ path, headers }: UpstreamRequest): void {
  const isGood =
    /^(?:http:\/)?\/[\x21-\xff]*$/.test(path) &&
    headers.every(([name, value]) => isHeaderName(name) && isHeaderValue(value) && isAllowed(name, value));
  if (!isGood) throw new LeatError('REQUEST_MALFORMED', 'the request is malformed: a header that can not be passed on');
}

function isAllowed(name: string, value: string): boolean {
  const lower = name.toLowerCase();
  if (lower === 'content-length') return /^\d+$/.test(value);
  // The application's own is gone by now: what is here is Leat's, for a tunnel.
  return lower === 'proxy-authorization' || !isFramingHeader(name);
}

/** undici gives raw fields as bytes; header text is Latin-1 on the wire (RFC 9110 §5.5). */
function decode(raw: Dispatcher.DispatchController['rawHeaders']): HeaderList {
  if (!Array.isArray(raw)) return [];
  return headersFromRaw(raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1'))));
}
