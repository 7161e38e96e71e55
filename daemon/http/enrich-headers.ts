// SPDX-License-Identifier: Apache-2.0
import { isIP } from 'node:net';
import type { StaticField } from '../destination/destination.ts';
import { Secret } from '../destination/secret.ts';
import { LeatError } from '../errors/leat-error.ts';
import { type Header, type HeaderList, isHeaderName, isHeaderValue } from './header-list.ts';
import { dropHopByHop, isFramingHeader } from './hop-by-hop.ts';
import type { CredentialHeader } from './ports.ts';

export interface Enrichment {
  /** What the upstream is asked for: host, with the port where it is not the scheme's. */
  readonly authority: string;
  readonly requestId: string;
  readonly staticHeaders: readonly StaticField[];
  readonly credentials: readonly CredentialHeader[];
}

/**
 * The header of the request as the upstream gets it, in ordered passes: hop-by-hop fields go, then the application's own
 * copies of what Leat says itself, then Leat's fields are added. Everything else passes as it came, case, order and
 * duplicates included. No Via, no X-Forwarded-*: the upstream sees the application.
 * @throws SECRET_INVALID where a value can't stand in a header
 */
export function enrichHeaders(received: HeaderList, enrichment: Enrichment): HeaderList {
  const { authority, requestId, staticHeaders, credentials } = enrichment;
  const fixed = staticHeaders.map(staticHeader);
  const own = credentials.flatMap(({ name, value }) => (value === null ? [] : [checked(name, value.reveal())]));
  // A field that Leat authenticates by has one writer: a static header can't stand beside it either.
  const credentialNames = new Set(credentials.map(({ name }) => foldName(name)));
  const replaced = new Set(staticHeaders.filter(({ mode }) => mode === 'set').map(({ name }) => name.toLowerCase()));
  const kept = dropHopByHop(received).filter(([name]) => {
    const lower = name.toLowerCase();
    if (lower === 'host' || lower === 'x-request-id' || replaced.has(lower)) return false;
    return credentialNames.size === 0 || !credentialNames.has(foldName(lower));
  });
  return [
    ['Host', authority],
    ...kept,
    ['X-Request-Id', requestId],
    ...fixed.filter(([name]) => !credentialNames.has(foldName(name))),
    ...own,
  ];
}

/** What the upstream is asked for; the port is left out where it is the scheme's (RFC 9110 §7.2). */
export function upstreamAuthority(host: string, port: number, isTls: boolean): string {
  const name = isIP(host) === 6 ? `[${host}]` : host;
  return port === (isTls ? 443 : 80) ? name : `${name}:${port}`;
}

/**
 * Names as upstreams compare them: CGI and WSGI can't tell `X-Api-Key` from `X_Api_Key`, so a client's copy in either
 * spelling would stand beside Leat's or win over it.
 */
function foldName(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

function staticHeader({ name, value }: StaticField): Header {
  if (isFramingHeader(name) || name.toLowerCase() === 'host') {
    throw new LeatError(
      'DESTINATION_NOT_READY',
      `the destination sets header "${name}", which belongs to the connection: remove it from the headers`,
    );
  }
  return checked(name, value instanceof Secret ? value.reveal() : value);
}

function checked(name: string, value: string): Header {
  if (!isHeaderName(name) || !isHeaderValue(value)) {
    throw new LeatError(
      'SECRET_INVALID',
      `the value for header "${name}" can't stand in a header: it holds a line break or another control character`,
    );
  }
  return [name, value];
}
