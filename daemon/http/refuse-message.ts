// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';
import { asLeatError, LeatError } from '../errors/leat-error.ts';
import { selectRequest } from './admit-request.ts';
import type { Connection } from './connection.ts';
import { endConnection } from './end-connection.ts';
import { dialectOf, errorResponse, errorResponseBytes } from './error-response.ts';
import { headersFromRaw } from './header-list.ts';
import { requestIdOf } from './request-id.ts';
import { pathForRecord } from './request-target.ts';
import { requestHead } from './serve-request.ts';

/**
 * Answers what never becomes a request - unreadable bytes, CONNECT - and ends the connection: one record, as for others.
 *
 * @param request null where the parser could make none of it
 * @param error null: what the checks say
 */
export function refuseMessage(request: IncomingMessage | null, connection: Connection, error: LeatError | null): void {
  const requestId = requestIdOf(request === null ? [] : headersFromRaw(request.rawHeaders));
  const record = connection.context.startRequest({
    method: request?.method ?? '-',
    path: request === null ? '-' : pathForRecord(request.url ?? ''),
  });
  const refusal = error ?? checkResult(request, connection);
  const answer = errorResponse(refusal, requestId, dialectOf(connection.route.targets[0]));
  record.add({ requestId, status: answer.status });
  connection.end();
  endConnection(connection.downstream, errorResponseBytes(answer));
  record.end({ sentBytes: 0, receivedBytes: 0, error: refusal });
}

function checkResult(request: IncomingMessage | null, { route }: Connection): LeatError {
  try {
    if (request !== null) selectRequest(requestHead(request), route);
  } catch (cause) {
    return asLeatError(cause);
  }
  return new LeatError('REQUEST_MALFORMED', 'the request is malformed: this method is not served');
}
