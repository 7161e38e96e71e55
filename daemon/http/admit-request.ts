// SPDX-License-Identifier: Apache-2.0
import type { Authentication } from '../destination/destination.ts';
import { LeatError } from '../errors/leat-error.ts';
import type { HttpRoute, HttpTarget } from '../routing/route.ts';
import { selectHttpTarget } from '../routing/select-http-target.ts';
import { checkCleartext, injectsCredential } from './check-cleartext.ts';
import { checkFraming, type RequestHead } from './check-framing.ts';
import { checkHost } from './check-host.ts';
import { enrichPath } from './enrich-path.ts';
import { targetInForm } from './forward-proxy.ts';
import { headerValues } from './header-list.ts';
import { parseRequestTarget } from './request-target.ts';

/** A request that may go to the upstream; only {@link admitRequest} makes one. */
export interface AdmittedRequest {
  readonly target: HttpTarget;
  readonly authentication: Authentication;
  /** What the upstream is asked for: prefix and queries of the Destination included; of a proxy, in absolute form. */
  readonly upstreamPath: string;
  /** The Host that the application sent. */
  readonly askedAuthority: string;
}

/** A request whose framing and names are checked: the target is the one that its path and host choose. */
export interface SelectedRequest {
  readonly target: HttpTarget;
  readonly path: string;
  /** The Host that the application sent. */
  readonly askedAuthority: string;
}

/**
 * The first checks of a request, in their order: framing, target, path, host. Pure.
 * @throws REQUEST_MALFORMED, REQUEST_HOST_MISMATCH, PATH_NOT_DECLARED, or why the target can't be used
 */
export function selectRequest(head: RequestHead, route: HttpRoute): SelectedRequest {
  checkFraming(head);
  const { path, authority } = parseRequestTarget(head.method, head.url);
  const target = selectHttpTarget(route, rooted(path));
  if (target === null) {
    throw new LeatError('PATH_NOT_DECLARED', `no Destination of host "${route.host}" declares this path`);
  }
  const askedAuthority = headerValues(head.headers, 'host')[0] ?? '';
  // RFC 9112 §3.2.2 lets the absolute form win over Host; two names that differ are refused instead.
  if (authority !== null) checkHost(authority, target, route);
  checkHost(askedAuthority, target, route);
  if (head.method === 'CONNECT') {
    throw new LeatError('REQUEST_MALFORMED', 'CONNECT is not served: this is no proxy that is asked for targets');
  }
  return { target, path, askedAuthority: authority ?? askedAuthority };
}

/**
 * The last checks, of the target that is meant: the Destination's state, cleartext, TRACE. Pure.
 * @param target the selected one, or what the request's headers make of it
 * @throws REQUEST_MALFORMED, CLEARTEXT_REFUSED, or why the Destination is not ready
 */
export function admitTarget({ method }: RequestHead, selected: SelectedRequest, target: HttpTarget): AdmittedRequest {
  const { path, askedAuthority } = selected;
  // A path that climbs out of the prefix of the one need not climb out of that of the other.
  if (target !== selected.target) selectHttpTarget({ targets: [target] }, rooted(path));
  const { destination } = target;
  if (!destination.resolved.ready) throw destination.resolved.problem;
  const { authentication } = destination.resolved;
  checkCleartext(target, authentication);
  if (method === 'TRACE' && injectsCredential(destination, authentication)) {
    // The answer to TRACE repeats the request, with the credential in it (RFC 9110 §9.3.8).
    throw new LeatError('REQUEST_MALFORMED', `TRACE is not served for ${destination.id}: it would show the credential`);
  }
  return {
    target,
    authentication,
    upstreamPath: targetInForm(target.upstream, enrichPath(path, target.port.upstream.pathPrefix, destination.queries)),
    askedAuthority,
  };
}

function rooted(path: string): string {
  return path === '*' ? '/' : path;
}
