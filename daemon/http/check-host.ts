// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';
import { parseIpAddress } from '../net/endpoint.ts';
import { hostMatches } from '../routing/host-matches.ts';
import type { HttpRoute, HttpTarget } from '../routing/route.ts';

export interface Authority {
  /** Lower case, without the root's dot; an IP address in canonical form without brackets. */
  readonly host: string;
  readonly port: number | null;
}

const AUTHORITY = /^(\[[0-9A-Fa-f:.]+\]|[-._0-9A-Za-z]+)(?::(\d{1,5}))?$/;

/** `host`, `host:port`, `[v6]:port`; null where it is none of these. */
export function parseAuthority(text: string): Authority | null {
  const [, name, portText] = AUTHORITY.exec(text) ?? [];
  if (name === undefined) return null;
  const bare = name.replace(/^\[|\]$/g, '');
  const address = parseIpAddress(bare);
  if (name.startsWith('[') && address === null) return null;
  const host = address ?? bare.toLowerCase().replace(/\.$/, '');
  const port = portText === undefined ? null : Number(portText);
  return host === '' || (port !== null && (port < 1 || port > 65535)) ? null : { host, port };
}

/**
 * A connection was decided for one name; a request on it that names another one would get a credential by the way of a
 * name that its sender may not use (RFC 9110 §15.5.20). The Host must be a name of the Destination, and where the
 * Destination takes requests to "the name that was asked", exactly that name: Leat dials no other. A port that is given
 * must be the connection's.
 * @throws REQUEST_HOST_MISMATCH, REQUEST_MALFORMED
 */
export function checkHost(text: string, target: HttpTarget, route: Pick<HttpRoute, 'host' | 'port' | 'names'>): void {
  const authority = parseAuthority(text);
  if (authority === null)
    throw new LeatError('REQUEST_MALFORMED', 'the request is malformed: its host is no host name');
  const { host, port } = authority;
  const isOwn =
    host === route.host ||
    route.names?.includes(host) === true ||
    (hasFixedUpstream(target) && hostMatches(target.destination, route.host, host));
  if (!isOwn) {
    throw new LeatError(
      'REQUEST_HOST_MISMATCH',
      `the request names host "${host}", but its connection was opened to "${route.host}": open one to "${host}"`,
    );
  }
  if (port !== null && port !== route.port) {
    throw new LeatError(
      'REQUEST_HOST_MISMATCH',
      `the request names port ${port}, but its connection was opened to port ${route.port}`,
    );
  }
}

function hasFixedUpstream({ port, destination: { resolved } }: HttpTarget): boolean {
  if (port.upstream.host !== null) return true;
  return resolved.ready && resolved.route.type === 'onPremise' && resolved.route.virtualHost !== null;
}
