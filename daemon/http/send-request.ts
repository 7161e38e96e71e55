// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';
import { isControlHeader } from '../routing/control-headers.ts';
import type { AdmittedRequest } from './admit-request.ts';
import { type AttemptShape, Attempts } from './attempts.ts';
import { enrichHeaders, upstreamAuthority } from './enrich-headers.ts';
import type { UpstreamResponse } from './exchange.ts';
import { checkHeadFits, Forwarding } from './forward-proxy.ts';
import type { HeaderList } from './header-list.ts';
import type { CredentialSource, ForwardFields, NoteTunnel } from './ports.ts';
import type { RequestBody } from './request-body.ts';
import { upstreamError } from './upstream-error.ts';

export interface SendOptions {
  readonly method: string;
  readonly received: HeaderList;
  readonly requestId: string;
  readonly body: RequestBody | null;
  readonly signal: AbortSignal;
  readonly credentials: CredentialSource;
  readonly forwardFields: ForwardFields;
  readonly noteTunnel: NoteTunnel;
  /** Of the workload. */
  readonly namespace: string;
}

/** Sends the enriched header once, by whatever carries it. */
export type Carry<T> = (headers: HeaderList) => Promise<T>;

/** Something that came back with a status, and can be thrown away. */
type Answer = Pick<UpstreamResponse, 'status'> & { readonly body?: UpstreamResponse['body'] };

/**
 * Asks the upstream, again where that is safe, with a fresh credential where the last one was refused.
 * @throws LeatError
 */
export async function sendRequest<T extends Answer>(
  admitted: AdmittedRequest,
  options: SendOptions,
  carry: Carry<T>,
): Promise<{ readonly answer: T; readonly attempts: number }> {
  const { method, received, requestId, body, signal, credentials, namespace } = options;
  const { target, authentication, upstreamPath } = admitted;
  const caller = { headers: received, namespace };
  const { destination, upstream, tls } = target;
  const own = destination.controls === undefined ? received : received.filter(([name]) => !isControlHeader(name));
  const authority = upstreamAuthority(upstream.host, upstream.port, tls !== null);
  const { via } = upstream;
  const forwarding = via.kind === 'httpForward' ? new Forwarding(via, authority, options, signal) : null;
  const attempts = new Attempts(admitted);
  const shape = (): AttemptShape => ({ method, hasBody: body !== null, bodyStarted: body?.isStarted ?? false });
  for (;;) {
    const proof = await credentials.headersFor(destination, authentication, caller, signal);
    const headers = enrichHeaders(own, {
      authority,
      requestId,
      staticHeaders: destination.headers,
      credentials: forwarding === null ? proof : [...proof, ...(await forwarding.fields())],
    });
    checkHeadFits(upstream, method, upstreamPath, headers);
    const answer = await carry(headers).catch((cause: unknown) => upstreamError(cause, authority));
    if (answer instanceof LeatError) {
      signal.throwIfAborted();
      if (attempts.judgeFailure(answer, shape()) === 'final') throw answer;
    } else if (forwarding !== null && answer.status === 407) {
      answer.body?.destroy();
      // As a 401: nothing was done. The application knows no credential for the tunnel, and is not asked for one.
      if (!(await forwarding.renew()) || shape().bodyStarted) throw forwarding.refused();
      continue;
    } else {
      forwarding?.accepted();
      const verdict = await attempts.judgeAnswer(answer.status, shape(), () =>
        credentials.rejected(destination, authentication, caller, proof, signal),
      );
      if (verdict === 'final') {
        const own = forwarding === null ? answer : await forwarding.own(answer);
        return { answer: own, attempts: attempts.count };
      }
      answer.body?.destroy();
      if (verdict === 'fresh') continue;
    }
    await attempts.wait(signal);
  }
}
