// SPDX-License-Identifier: Apache-2.0
import type { ClusterDestination, Destination } from '../api/kinds/destination.ts';

type Spec = (Destination | ClusterDestination)['spec'];

/** Where a connection would go and what would be added to it, line by line. A credential is named, never shown. */
export function describeSending(spec: Spec, asked: string, port: number): string[] {
  if (spec.gateway !== undefined)
    return [`to: the entry that each request names in X-Destination-Name, of ${describeAllow(spec)}`];
  if (!('ports' in spec) || spec.ports === undefined) return ['to: as its entry of the Destination service says'];
  const declared = spec.ports.find((one) => one.port === port);
  if (declared === undefined) return [];
  const { protocol, upstream = {} } = declared;
  const target = `${upstream.host ?? asked}:${upstream.port ?? (upstream.tls === undefined ? port : 443)}`;
  const { route } = spec;
  const through =
    route?.type === 'onPremise'
      ? `, through Tunnel ${route.tunnel}${route.locationId === undefined ? '' : ` (location ${route.locationId})`}${
          route.virtualHost === undefined ? '' : `, asked for as ${route.virtualHost}`
        }`
      : '';
  const tls = upstream.tls === undefined ? '' : ', TLS by Leat';
  const lines = [`protocol: ${protocol}`, `to: ${target}${through}${tls}`];
  if (protocol !== 'http') return [...lines, 'added: nothing, its bytes are moved as they are'];
  if (upstream.pathPrefix !== undefined) lines.push(`path: ${upstream.pathPrefix} stands in front`);
  lines.push(`authentication: ${describeAuthentication(spec)}`);
  for (const { name, value, secret, mode } of spec.headers ?? []) {
    lines.push(`header (${mode}): ${name}: ${value ?? `[${secret?.key} of Secret ${secret?.name}]`}`);
  }
  for (const { name, value, secret, mode } of spec.queries ?? []) {
    lines.push(`query (${mode}): ${name}=${value ?? `[${secret?.key} of Secret ${secret?.name}]`}`);
  }
  return lines;
}

function describeAllow({ gateway }: Spec): string {
  const { names = [], levels = [] } = gateway?.allow ?? {};
  return `${names.join(', ')} (${levels.join(', ')})`;
}

function describeAuthentication({ authentication }: Spec & { authentication?: { type: string } }): string {
  if (authentication === undefined || authentication.type === 'None') return 'none';
  const { type, ...fields } = authentication as { type: string } & Record<string, Record<string, unknown>>;
  const given = Object.values(fields).find((field) => typeof field === 'object' && field !== null) ?? {};
  const secret = typeof given.secret === 'string' ? ` from Secret ${given.secret}` : '';
  const from = typeof given.tokenUrl === 'string' ? ` (token of ${given.tokenUrl})` : '';
  switch (type) {
    case 'Basic':
      return `Authorization: Basic [redacted]${secret}`;
    case 'Header':
      return `${String(given.name)}: ${String(given.prefix ?? '')}[redacted]${secret}`;
    case 'OAuth2ClientCredentials':
      return `Authorization: Bearer [redacted]${from}${secret}`;
    default:
      return `${type}${from}${secret}`;
  }
}
