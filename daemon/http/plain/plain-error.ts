// SPDX-License-Identifier: Apache-2.0
import type { Destination } from '../../destination/destination.ts';
import { LeatError } from '../../errors/leat-error.ts';
import { SIDE, WAIT } from '../../native/http-engine.ts';
import { upstreamError } from '../upstream-error.ts';

/** What the end of a side before its time means. `errno`: `EPROTO` for bytes that break their framing, null for an orderly end. */
export function describeFailure(side: number, errno: string | null, authority: string): LeatError {
  if (side === SIDE.downstream) {
    return errno === 'EPROTO'
      ? new LeatError('REQUEST_MALFORMED', 'the request is malformed: its body is not framed as it says')
      : new LeatError('CLIENT_RESET', 'the client went away before it had the answer');
  }
  if (errno === 'EPROTO') {
    return new LeatError('UPSTREAM_RESPONSE_INVALID', `${authority} sent an answer that is no valid HTTP/1.1`);
  }
  return upstreamError(Object.assign(new Error(errno ?? 'ended'), { code: 'ECONNRESET' }), authority);
}

/** Who was waited for too long, while a request was served. */
export function describeWait(
  wait: number,
  destination: Pick<Destination, 'responseTimeoutMs' | 'idleTimeoutMs'>,
): LeatError {
  const { responseTimeoutMs, idleTimeoutMs } = destination;
  switch (wait) {
    case WAIT.clientBody:
      return new LeatError('REQUEST_TIMEOUT', `the request's body stopped for ${idleTimeoutMs} ms`);
    case WAIT.answer:
      return new LeatError('UPSTREAM_TIMEOUT', `the upstream did not answer within ${responseTimeoutMs} ms`);
    case WAIT.upstreamBody:
      return new LeatError(
        'UPSTREAM_TIMEOUT',
        `the upstream stopped in the middle of its answer for ${idleTimeoutMs} ms`,
      );
    default:
      return new LeatError('IDLE_TIMEOUT', `the client read nothing for ${idleTimeoutMs} ms`);
  }
}
