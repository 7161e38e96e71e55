// SPDX-License-Identifier: Apache-2.0
import { hostMatches } from '../routing/host-matches.ts';
import type { HttpRoute, HttpTarget } from '../routing/route.ts';
import { parseAuthority } from './check-host.ts';
import { type HeaderList, headerValues } from './header-list.ts';
import { dropHopByHop } from './hop-by-hop.ts';

export interface ResponseView {
  readonly target: HttpTarget;
  readonly route: Pick<HttpRoute, 'host' | 'port'>;
  /** The Host that the application sent: what it is told to come back to. */
  readonly askedAuthority: string;
  readonly requestId: string;
}

/**
 * The header of the response as the application gets it: it spoke http to the name it asked for, and has to be able to
 * go on like that. Redirects are rewritten, never followed.
 */
export function rewriteResponse(headers: HeaderList, view: ResponseView): HeaderList {
  const originatesTls = view.target.tls !== null;
  const own = dropHopByHop(headers).flatMap((header): HeaderList => {
    const [name, value] = header;
    switch (name.toLowerCase()) {
      case 'location':
      case 'content-location':
        return [[name, rewriteLocation(value, view)]];
      case 'set-cookie':
        // A cookie that is Secure would not be sent back over the http that the application speaks.
        return originatesTls ? [[name, withoutSecure(value)]] : [header];
      case 'strict-transport-security':
      case 'alt-svc':
        // Both would make the application leave http for a way on which Leat can't add the credential.
        return originatesTls ? [] : [header];
      default:
        return [header];
    }
  });
  // SAP's proxy says it in each answer; what the target says stands.
  const saysId = view.target.destination.controls === undefined || headerValues(own, 'x-request-id').length > 0;
  return saysId ? own : [...own, ['X-Request-Id', view.requestId]];
}

const ABSOLUTE = /^(https?):\/\/([^/?#]*)(.*)$/is;

/** Own addresses become those that the application can use; all others, and relative ones, stay. */
export function rewriteLocation(
  location: string,
  { target, route, askedAuthority }: Omit<ResponseView, 'requestId'>,
): string {
  const { pathPrefix } = target.port.upstream;
  const [, scheme, authorityText, rest = ''] = ABSOLUTE.exec(location) ?? [];
  if (scheme === undefined || authorityText === undefined) {
    return location.startsWith('/') && !location.startsWith('//') ? withoutPrefix(location, pathPrefix) : location;
  }
  const authority = parseAuthority(authorityText);
  const isHttps = scheme.toLowerCase() === 'https';
  if (authority === null || isHttps !== (target.tls !== null)) return location;

  const port = authority.port ?? (isHttps ? 443 : 80);
  if (port !== target.upstream.port && port !== target.port.upstream.port) return location;
  if (authority.host === target.upstream.host || authority.host === route.host) {
    return `http://${askedAuthority}${withoutPrefix(rest, pathPrefix)}`;
  }
  if (!hostMatches(target.destination, route.host, authority.host)) return location;
  const portText = route.port === 80 ? '' : `:${route.port}`;
  return `http://${authorityText.replace(/:\d*$/, '')}${portText}${withoutPrefix(rest, pathPrefix)}`;
}

function withoutPrefix(path: string, prefix: string): string {
  if (prefix === '' || !path.startsWith(prefix)) return path;
  const rest = path.slice(prefix.length);
  if (rest === '' || rest.startsWith('?') || rest.startsWith('#')) return `/${rest}`;
  return rest.startsWith('/') ? rest : path;
}

function withoutSecure(cookie: string): string {
  return cookie
    .split(';')
    .filter((part, index) => index === 0 || part.trim().toLowerCase() !== 'secure')
    .join(';');
}
