// SPDX-License-Identifier: Apache-2.0
import { callerHeaders } from '../destination/caller-headers.ts';
import type { Authentication } from '../destination/destination.ts';
import { digestOf } from '../destination/digest.ts';
import type { HttpTarget } from '../routing/route.ts';
import type { Workload } from '../workload/workload.ts';
import type { HeaderList } from './header-list.ts';

/**
 * What two requests must share to share a connection. The workload is in it because some schemes authenticate the
 * connection and not the request (NTLM, Negotiate): on a shared one, the next pod would speak as the last. For the same
 * reason `subject` is in it, which stands for the user. Credentials of the connection itself (client certificate, tunnel)
 * are in it, so that a rotated one gets a new connection. So is the entry that the request's headers chose, tenant included.
 */
export function upstreamKey(
  target: HttpTarget,
  authentication: Authentication,
  workload: Workload,
  subject: string,
): string {
  let digest = digests.get(target);
  if (digest === undefined) {
    digest = digestOfTarget(target, authentication);
    digests.set(target, digest);
  }
  return `${workload.uid} ${digest} ${subject}`;
}

/** A digest of all that the application contributes to the credential; empty where it contributes nothing. */
export function subjectOf(authentication: Authentication, received: HeaderList): string {
  const names = callerHeaders(authentication);
  if (names.length === 0) return '';
  return digestOf(names.map((name) => received.filter(([other]) => other.toLowerCase() === name)));
}

/** Targets do not change; a connection has its own, and asks again with each request. */
const digests = new WeakMap<HttpTarget, string>();

function digestOfTarget({ destination, upstream, tls, lookup }: HttpTarget, authentication: Authentication): string {
  const { host, port, via } = upstream;
  const identity = authentication.type === 'ClientCertificate' ? authentication : null;
  return digestOf([destination.id, host, port, via, tls, identity, lookup?.key ?? null]);
}
