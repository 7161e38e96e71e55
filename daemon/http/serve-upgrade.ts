// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { asLeatError, LeatError } from '../errors/leat-error.ts';
import { ServerResponse, STATUS_CODES } from '../net/node-http.ts';
import { admitTarget, selectRequest } from './admit-request.ts';
import { connectUpstream } from './connect-upstream.ts';
import type { Connection } from './connection.ts';
import { endConnection } from './end-connection.ts';
import { dialectOf, errorResponse, errorResponseBytes } from './error-response.ts';
import { type HeaderList, headersText, headerTokens } from './header-list.ts';
import type { Relay } from './ports.ts';
import { requestIdOf } from './request-id.ts';
import { pathForRecord } from './request-target.ts';
import { rewriteResponse } from './rewrite-response.ts';
import { sendRequest } from './send-request.ts';
import { sendInformation, sendResponse } from './send-response.ts';
import { meantTarget, type RequestPorts, requestHead } from './serve-request.ts';
import { exchangeSingle, type SingleResponse } from './single-exchange.ts';
import { targetFacts } from './target-facts.ts';
import { upstreamError } from './upstream-error.ts';

export interface UpgradePorts extends RequestPorts {
  readonly relay: Relay;
}

/**
 * Whether a request may change the protocol of its connection: a GET without body, to anything but HTTP itself or TLS.
 * Behind an upgrade to h2c, requests would pass that nobody checks ("h2c smuggling"). The others lose the field.
 */
export function mayUpgrade({ method, headers }: IncomingMessage): boolean {
  const protocols = (headers.upgrade ?? '').split(',').map((item) => item.trim().toLowerCase());
  return (
    method === 'GET' &&
    headers['content-length'] === undefined &&
    headers['transfer-encoding'] === undefined &&
    protocols.every((protocol) => protocol !== '' && !/^(?:h2c?|http|tls)(?:\/|$)/.test(protocol))
  );
}

/**
 * The story of a request that asks for another protocol: as any other until the upstream agrees, then bytes both ways.
 * It is the last on its connection, which is paused, with the bytes behind the request in it. Never rejects.
 */
export async function serveUpgrade(
  request: IncomingMessage,
  connection: Connection,
  ports: UpgradePorts,
): Promise<void> {
  const { downstream } = connection;
  connection.end();
  const head = requestHead(request);
  const requestId = requestIdOf(head.headers);
  const record = connection.context.startRequest({ method: head.method, path: pathForRecord(head.url) });
  record.add({ requestId });
  const { signal, release } = connection.requestSignal(downstream);
  const response = new ServerResponse(request);
  const result = { sentBytes: 0, receivedBytes: 0 };
  let dialect = dialectOf(connection.route.targets[0]);
  let error: LeatError | null = null;
  try {
    const route = connection.context.currentRoute();
    const selected = selectRequest(head, route);
    dialect = dialectOf(selected.target);
    const { workload } = connection.context;
    const admitted = admitTarget(head, selected, await meantTarget(selected, head, { workload, ports, signal }));
    const { target, authentication } = admitted;
    const { destination } = target;
    record.add(targetFacts(admitted));
    const upgrade = headerTokens(head.headers, 'upgrade').join(', ');
    const { answer, attempts } = await sendRequest<SingleResponse>(
      admitted,
      {
        method: head.method,
        received: head.headers,
        requestId,
        body: null,
        signal,
        credentials: ports.credentials,
        forwardFields: ports.forwardFields,
        noteTunnel: ports.noteTunnel,
        namespace: workload.namespace,
      },
      async (headers) =>
        exchangeSingle(await connectUpstream(ports.dial, target, authentication, signal), {
          method: head.method,
          path: admitted.upstreamPath,
          headers,
          body: null,
          signal,
          responseTimeoutMs: destination.responseTimeoutMs,
          idleTimeoutMs: destination.idleTimeoutMs,
          onInformation: (status, fields) => sendInformation(response, status, fields),
          upgrade,
          onContinue: null,
          requestTrailers: () => [],
        }),
    );
    record.add({ status: answer.status, attempts });
    const headers = rewriteResponse(answer.headers, { ...admitted, route, requestId });
    if (answer.switched === null) {
      response.assignSocket(downstream);
      response.shouldKeepAlive = false;
      await sendResponse(response, answer, headers, {
        idleTimeoutMs: destination.idleTimeoutMs,
        count: (bytes) => {
          result.receivedBytes += bytes;
        },
      });
      endConnection(downstream);
    } else {
      release();
      const agreed = headerTokens(answer.headers, 'upgrade').join(', ');
      await writeSwitch(downstream, [...headers, ['Connection', 'Upgrade'], ['Upgrade', agreed]]).catch((cause) => {
        answer.switched.destroy();
        throw cause;
      });
      const { bytesRead, bytesWritten } = downstream;
      const relayed = await ports.relay(downstream, answer.switched, { idleTimeoutMs: destination.idleTimeoutMs });
      connection.switched = {
        sentBytes: bytesRead + relayed.sentBytes,
        receivedBytes: bytesWritten + relayed.receivedBytes,
        error: relayed.error,
      };
      result.sentBytes = relayed.sentBytes;
      result.receivedBytes = relayed.receivedBytes;
      error = relayed.error;
    }
  } catch (cause) {
    error = signal.aborted ? asLeatError(signal.reason) : upstreamError(cause, connection.route.host);
    const refusal = errorResponse(error, requestId, dialect);
    record.add({ status: refusal.status });
    if (response.headersSent) downstream.resetAndDestroy();
    else endConnection(downstream, errorResponseBytes(refusal));
  } finally {
    release();
    record.end({ ...result, error });
  }
}

/** The relay may take the socket's descriptor over: nothing may be left in the stream's buffer by then. */
function writeSwitch(downstream: Socket, headers: HeaderList): Promise<void> {
  const text = `HTTP/1.1 101 ${STATUS_CODES[101]}\r\n${headersText(headers)}\r\n`;
  return new Promise((resolve, reject) => {
    downstream.write(text, 'latin1', (cause) => {
      if (cause) reject(new LeatError('CLIENT_RESET', 'the client went away before it had the answer', { cause }));
      else resolve();
    });
  });
}
