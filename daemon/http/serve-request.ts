// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import { asLeatError, LeatError } from '../errors/leat-error.ts';
import type { HttpTarget } from '../routing/route.ts';
import type { Workload } from '../workload/workload.ts';
import { type AdmittedRequest, admitTarget, type SelectedRequest, selectRequest } from './admit-request.ts';
import type { RequestHead } from './check-framing.ts';
import { connectUpstream } from './connect-upstream.ts';
import type { Connection } from './connection.ts';
import { dialectOf, type ErrorResponse, endsConnection, errorResponse } from './error-response.ts';
import type { UpstreamResponse } from './exchange.ts';
import { type HeaderList, headersFromRaw, headersToRaw, headerTokens, headerValues } from './header-list.ts';
import { exchangePooled } from './pooled-exchange.ts';
import type { CredentialSource, Dial, FollowControls, ForwardFields, NoteTunnel } from './ports.ts';
import { RequestBody } from './request-body.ts';
import { requestIdOf } from './request-id.ts';
import { pathForRecord } from './request-target.ts';
import { rewriteResponse } from './rewrite-response.ts';
import { sendRequest } from './send-request.ts';
import { sendInformation, sendResponse } from './send-response.ts';
import { exchangeSingle } from './single-exchange.ts';
import { targetFacts } from './target-facts.ts';
import { upstreamError } from './upstream-error.ts';
import { subjectOf } from './upstream-key.ts';
import type { UpstreamPools } from './upstream-pools.ts';

export interface RequestPorts {
  readonly dial: Dial;
  readonly credentials: CredentialSource;
  readonly forwardFields: ForwardFields;
  readonly noteTunnel: NoteTunnel;
  readonly followControls: FollowControls;
  readonly pools: UpstreamPools;
}

/** The head of a request, as the checks take it. */
export function requestHead(request: IncomingMessage): RequestHead {
  return {
    method: request.method ?? '',
    url: request.url ?? '',
    httpVersion: request.httpVersion,
    headers: headersFromRaw(request.rawHeaders),
  };
}

/**
 * The story of one request: admit, enrich, ask the upstream, answer; one record, whatever happens. Never rejects: what
 * went wrong is the answer, or a reset where an answer has begun.
 */
export async function serveRequest(
  request: IncomingMessage,
  response: ServerResponse,
  connection: Connection,
  ports: RequestPorts,
): Promise<void> {
  const head = requestHead(request);
  const requestId = requestIdOf(head.headers);
  const record = connection.context.startRequest({ method: head.method, path: pathForRecord(head.url) });
  record.add({ requestId });
  const { signal, release } = connection.requestSignal(response);
  let dialect = dialectOf(connection.route.targets[0]);
  let body: RequestBody | null = null;
  let receivedBytes = 0;
  let error: LeatError | null = null;
  try {
    signal.throwIfAborted();
    const route = connection.context.currentRoute();
    const selected = selectRequest(head, route);
    dialect = dialectOf(selected.target);
    const { workload } = connection.context;
    const admitted = admitTarget(head, selected, await meantTarget(selected, head, { workload, ports, signal }));
    const { target, authentication } = admitted;
    const { destination } = target;
    record.add(targetFacts(admitted));
    body = RequestBody.isIn(request) ? new RequestBody(request, destination.idleTimeoutMs) : null;
    const sending = {
      method: head.method,
      received: head.headers,
      requestId,
      body,
      signal,
      credentials: ports.credentials,
      forwardFields: ports.forwardFields,
      noteTunnel: ports.noteTunnel,
      namespace: workload.namespace,
    };
    const subject = subjectOf(authentication, head.headers);

    await ports.pools.with(target, authentication, workload, subject, async (dispatcher) => {
      const { answer, attempts } = await sendRequest<UpstreamResponse>(admitted, sending, (headers) => {
        const upstreamRequest = {
          method: head.method,
          path: admitted.upstreamPath,
          headers,
          body,
          signal,
          responseTimeoutMs: destination.responseTimeoutMs,
          idleTimeoutMs: destination.idleTimeoutMs,
          onInformation: (status: number, fields: HeaderList) => sendInformation(response, status, fields),
        };
        return needsOwnConnection(head)
          ? exchangeAlone(request, response, admitted, upstreamRequest, ports.dial)
          : exchangePooled(dispatcher, upstreamRequest);
      });
      record.add({ status: answer.status, attempts });
      const headers = rewriteResponse(answer.headers, { ...admitted, route, requestId });
      if (connection.isEnding()) response.shouldKeepAlive = false;
      await sendResponse(response, answer, headers, {
        idleTimeoutMs: destination.idleTimeoutMs,
        count: (bytes) => {
          receivedBytes += bytes;
        },
      });
    });
  } catch (cause) {
    error = signal.aborted ? asLeatError(signal.reason) : upstreamError(cause, connection.route.host);
    const refusal = errorResponse(error, requestId, dialect);
    record.add({ status: response.headersSent ? response.statusCode : refusal.status });
    if (endsConnection(error)) connection.end();
    answerError(response, refusal, connection.isEnding());
  } finally {
    release();
    if (body === null) request.resume();
    else body.stop();
    record.end({ sentBytes: body?.sentBytes ?? 0, receivedBytes, error });
  }
}

/** The target that a request is for: the selected one, or what its headers make of it where SAP's control headers are read. */
export function meantTarget(
  { target }: SelectedRequest,
  { headers }: RequestHead,
  asking: { readonly workload: Workload; readonly ports: RequestPorts; readonly signal: AbortSignal },
): HttpTarget | Promise<HttpTarget> {
  if (target.destination.controls === undefined) return target;
  return asking.ports.followControls(target, headers, asking.workload, asking.signal);
}

/** What undici can't carry: see single-exchange.ts. */
function needsOwnConnection({ url, headers }: RequestHead): boolean {
  return url === '*' || headerTokens(headers, 'expect').length > 0 || headerValues(headers, 'trailer').length > 0;
}

async function exchangeAlone(
  request: IncomingMessage,
  response: ServerResponse,
  { target, authentication }: AdmittedRequest,
  upstreamRequest: Parameters<typeof exchangePooled>[1],
  dial: Dial,
): Promise<UpstreamResponse> {
  const socket = await connectUpstream(dial, target, authentication, upstreamRequest.signal);
  const isAwaited = headerTokens(headersFromRaw(request.rawHeaders), 'expect').includes('100-continue');
  const answer = await exchangeSingle(socket, {
    ...upstreamRequest,
    upgrade: null,
    onContinue: isAwaited ? () => response.writeContinue() : null,
    requestTrailers: () => headersFromRaw(request.rawTrailers),
  });
  if (answer.switched !== null) {
    answer.switched.destroy();
    throw new LeatError('UPSTREAM_RESPONSE_INVALID', 'the upstream changed the protocol without being asked');
  }
  return answer;
}

/** Where an answer has begun, only a reset tells the client that it is not whole. */
function answerError(response: ServerResponse, refusal: ErrorResponse, isEnding: boolean): void {
  if (response.headersSent) {
    response.socket?.resetAndDestroy();
    return;
  }
  if (response.destroyed) return;
  const { status, reason, headers, body } = refusal;
  if (isEnding) response.shouldKeepAlive = false;
  response.writeHead(status, reason, headersToRaw(headers));
  response.end(body);
}
