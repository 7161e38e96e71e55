// SPDX-License-Identifier: Apache-2.0
/**
 * What follows from the bytes of a request head: read once, and used again as long as a client sends the same bytes on
 * connections of the same route. Its record, its credential and its X-Request-Id are each request's own.
 */

import { FRAMING } from '../../native/http-engine.ts';
import type { HttpRoute } from '../../routing/route.ts';
import type { Workload } from '../../workload/workload.ts';
import { type AdmittedRequest, admitTarget, selectRequest } from '../admit-request.ts';
import { isSameProof } from '../attempts.ts';
import { enrichHeaders, upstreamAuthority } from '../enrich-headers.ts';
import { headersText } from '../header-list.ts';
import type { CredentialHeader } from '../ports.ts';
import { fitRequestId, REQUEST_ID_LENGTH } from '../request-id.ts';
import { pathForRecord } from '../request-target.ts';
import { targetFacts } from '../target-facts.ts';
import { subjectOf, upstreamKey } from '../upstream-key.ts';
import { isPlainTarget } from './is-plain.ts';
import { type PlainRequest, readPlainRequest } from './read-request.ts';
import type { WrittenAnswer } from './write-answer.ts';

export interface RequestPlan {
  /** The head as it came, and the route that it was admitted by. */
  readonly received: Buffer;
  readonly route: HttpRoute;
  readonly workload: Workload;
  readonly request: PlainRequest;
  readonly admitted: AdmittedRequest;
  /** What the record says from the beginning. */
  readonly path: string;
  readonly facts: ReturnType<typeof targetFacts>;
  readonly poolKey: string;
  /** Of the upstream, as errors name it. */
  readonly authority: string;
  /** The application's own; null: each request gets a new one. */
  readonly requestId: string | null;
  /** Written last, and where in it the X-Request-Id stands. */
  written: { readonly bytes: Buffer; readonly idAt: number; readonly proof: readonly CredentialHeader[] } | null;
  answer: WrittenAnswer | null;
}

/** Stands where each request's own will be written. */
const ID_IN_PLACE = '0'.repeat(REQUEST_ID_LENGTH);

/** Null: it is for the general path, be it good or bad. */
export function planRequest(text: string, route: HttpRoute, workload: Workload): RequestPlan | null {
  const request = readPlainRequest(text);
  if (request === null) return null;
  const { head } = request;
  const admitted = admit(request, route);
  if (admitted === null || !/^\/[\x21-\x7e]*$/.test(admitted.upstreamPath)) return null;
  const { target, authentication } = admitted;
  return {
    received: Buffer.from(text, 'latin1'),
    route,
    workload,
    request,
    admitted,
    path: pathForRecord(head.url),
    facts: targetFacts(admitted),
    poolKey: upstreamKey(target, authentication, workload, subjectOf(authentication, head.headers)),
    authority: upstreamAuthority(target.upstream.host, target.upstream.port, target.tls !== null),
    requestId: fitRequestId(head.headers),
    written: null,
    answer: null,
  };
}

function admit({ head }: PlainRequest, route: HttpRoute): AdmittedRequest | null {
  try {
    const selected = selectRequest(head, route);
    return isPlainTarget(selected.target) ? admitTarget(head, selected, selected.target) : null;
  } catch {
    // The general path comes to the same, and answers.
    return null;
  }
}

/**
 * The head as it goes upstream. What is returned is used again by the next call.
 * @throws SECRET_INVALID, DESTINATION_NOT_READY, as enrichHeaders has it
 */
export function writeRequest(plan: RequestPlan, proof: readonly CredentialHeader[], requestId: string): Buffer {
  if (plan.written === null || !isSameProof(plan.written.proof, proof)) plan.written = write(plan, proof);
  const { bytes, idAt } = plan.written;
  // One by one: less than a call that leaves JavaScript.
  if (plan.requestId === null) for (let i = 0; i < REQUEST_ID_LENGTH; i++) bytes[idAt + i] = requestId.charCodeAt(i);
  return bytes;
}

function write({ request, admitted, authority, requestId }: RequestPlan, proof: readonly CredentialHeader[]) {
  const { head, body } = request;
  const headers = enrichHeaders(head.headers, {
    authority,
    requestId: requestId ?? ID_IN_PLACE,
    staticHeaders: admitted.target.destination.headers,
    credentials: proof,
  });
  const line = `${head.method} ${admitted.upstreamPath} HTTP/1.1\r\n`;
  const own = headers.findIndex(([name, value]) => name === 'X-Request-Id' && value === ID_IN_PLACE);
  const idAt = own < 0 ? 0 : line.length + headersText(headers.slice(0, own)).length + 'X-Request-Id: '.length;
  const coding = body.framing === FRAMING.chunked ? 'Transfer-Encoding: chunked\r\n' : '';
  return { bytes: Buffer.from(`${line}${headersText(headers)}${coding}\r\n`, 'latin1'), idAt, proof };
}
