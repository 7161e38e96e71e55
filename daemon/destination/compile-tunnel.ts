// SPDX-License-Identifier: Apache-2.0
import { TUNNEL_DEFAULTS } from '../../api/defaults.ts';
import type { Tunnel as TunnelResource, TunnelSpec } from '../../api/kinds/tunnel.ts';
import { asLeatError, LeatError } from '../errors/leat-error.ts';
import { type NamespaceLabels, selectNamespaces } from '../workload/select-namespaces.ts';
import { checkCertificates } from './check-pem.ts';
import { checkBasicUsername, checkSocksText, checkText } from './check-value.ts';
import { given, readUserPassword } from './compile-authentication.ts';
import { compileOAuth2Client } from './compile-oauth2-client.ts';
import type { HttpConnectTunnel, Socks5Tunnel, Tunnel, UpstreamTls } from './destination.ts';
import { patternCovers, patternsOverlap } from './host-pattern.ts';
import type { ReadSecret } from './release-secret.ts';

export interface TunnelAccess {
  readonly protocol: Tunnel['protocol'];
  /** Whether there is a place for a location id in what is said to it. */
  readonly carriesLocationId: boolean;
  readonly resolved: { readonly tunnel: Tunnel } | { readonly problem: LeatError };
  /** Whether any part of `allow` names the namespace: to all others the tunnel does not exist. */
  readonly admits: (namespace: string) => boolean;
  /** Host and port as they are asked of the tunnel. */
  readonly allows: (namespace: string, host: string, port: number, locationId: string | null) => boolean;
  /** Whether something that the pattern stands for may be allowed: for the status, before a connection says what. */
  readonly mayAllow: (namespace: string, pattern: string, port: number, locationId: string | null) => boolean;
}

/** What a Tunnel is, and for whom. Its Secrets are those of Leat's own namespace. */
export function compileTunnel(
  { metadata, spec }: TunnelResource,
  readSecret: ReadSecret,
  labelsOf: NamespaceLabels,
): TunnelAccess {
  const entries = spec.allow.map((entry) => ({ ...entry, selects: selectNamespaces(entry.namespaces, labelsOf) }));

  const someEntry = (
    holds: (pattern: string, host: string) => boolean,
    namespace: string,
    host: string,
    port: number,
    locationId: string | null,
  ): boolean =>
    entries.some(
      ({ selects, hosts, ports, locationIds }) =>
        selects(namespace) &&
        hosts.some((pattern) => holds(pattern, host)) &&
        ports.some((range) => port >= range.port && port <= (range.endPort ?? range.port)) &&
        // An entry without location ids is for the tunnel's default location alone: every other one has to be written.
        (locationIds === undefined ? locationId === null : locationId !== null && locationIds.includes(locationId)),
    );

  return {
    protocol: spec.protocol,
    carriesLocationId: spec.protocol === 'httpForward' || spec.authentication.type === 'SapJwt',
    resolved: resolve(metadata.name, spec, readSecret),
    admits: (namespace) => entries.some(({ selects }) => selects(namespace)),
    allows: (namespace, host, port, locationId) => someEntry(patternCovers, namespace, host, port, locationId),
    mayAllow: (namespace, pattern, port, locationId) =>
      someEntry(patternsOverlap, namespace, pattern, port, locationId),
  };
}

function resolve(name: string, spec: TunnelSpec, readSecret: ReadSecret): TunnelAccess['resolved'] {
  try {
    const { protocol, authentication, timeouts } = spec;
    const common = {
      name,
      endpoints: spec.endpoints,
      tls: spec.tls === undefined ? null : compileTls(spec.tls, readSecret),
      connectTimeoutMs: timeouts?.connectMs ?? TUNNEL_DEFAULTS.connectMs,
      handshakeTimeoutMs: timeouts?.handshakeMs ?? TUNNEL_DEFAULTS.handshakeMs,
    };
    if (protocol === 'socks5') {
      return {
        tunnel: { ...common, protocol, authentication: compileSocks5Authentication(authentication, readSecret) },
      };
    }
    const proof = compileHttpAuthentication(authentication, readSecret);
    if (protocol === 'httpConnect') return { tunnel: { ...common, protocol, authentication: proof } };
    return {
      tunnel: {
        ...common,
        protocol,
        authentication: proof,
        regionId: spec.regionId ?? null,
        maxRequestHeadBytes: spec.maxRequestHeadBytes ?? TUNNEL_DEFAULTS.maxRequestHeadBytes,
      },
    };
  } catch (error) {
    return { problem: asLeatError(error) };
  }
}

type AuthenticationSpec = TunnelSpec['authentication'];

function compileSocks5Authentication(spec: AuthenticationSpec, readSecret: ReadSecret): Socks5Tunnel['authentication'] {
  const { type } = spec;
  switch (type) {
    case 'None':
      return { type };
    case 'UserPassword': {
      const userPassword = given(spec.userPassword, 'userPassword');
      return { type, ...readUserPassword(userPassword, readSecret, checkSocksText, checkSocksText) };
    }
    case 'SapJwt':
      return { type, client: compileOAuth2Client(given(spec.oauth2, 'oauth2'), readSecret) };
    case 'Bearer':
      throw new LeatError('DESTINATION_NOT_READY', 'authentication Bearer is for HTTP proxies: use SapJwt for socks5');
  }
}

function compileHttpAuthentication(
  spec: AuthenticationSpec,
  readSecret: ReadSecret,
): HttpConnectTunnel['authentication'] {
  const { type } = spec;
  switch (type) {
    case 'None':
      return { type };
    case 'UserPassword': {
      const userPassword = given(spec.userPassword, 'userPassword');
      return { type, ...readUserPassword(userPassword, readSecret, checkBasicUsername, checkText) };
    }
    case 'Bearer':
      return { type, client: compileOAuth2Client(given(spec.oauth2, 'oauth2'), readSecret) };
    case 'SapJwt':
      throw new LeatError('DESTINATION_NOT_READY', 'authentication SapJwt is for socks5: use Bearer for HTTP proxies');
  }
}

/** @throws SECRET_* */
export function compileTls({ serverName, ca }: NonNullable<TunnelSpec['tls']>, readSecret: ReadSecret): UpstreamTls {
  return {
    serverName: serverName ?? null,
    ca:
      ca === undefined ? null : checkCertificates(readSecret(ca.name, ca.key), `key "${ca.key}" of Secret ${ca.name}`),
  };
}
