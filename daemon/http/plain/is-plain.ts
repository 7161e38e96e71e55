// SPDX-License-Identifier: Apache-2.0
/** Which requests may take the plain path. Whatever is not known here says no: it goes by the general path. */
import type { Authentication, Destination, UpstreamTls } from '../../destination/destination.ts';
import type { HttpRoute, HttpTarget, Upstream, Via } from '../../routing/route.ts';

/** False: where it is there, what has it is not plain. */
type Fields<T> = Readonly<Record<keyof T, boolean>>;

const ROUTE: Fields<HttpRoute> = { kind: true, host: true, names: true, port: true, targets: true };
const TARGET: Fields<HttpTarget> = {
  pathPrefix: true,
  destination: true,
  port: true,
  upstream: true,
  tls: true,
  lookup: false,
  problem: false,
};
const UPSTREAM: Fields<Upstream> = { host: true, port: true, via: true, connectTimeoutMs: true };
const TLS: Fields<UpstreamTls> = { serverName: true, ca: true, isUnverified: true };
const DESTINATION: Fields<Destination> = {
  id: true,
  namespace: true,
  admitsNamespace: true,
  overridable: true,
  createdAtMs: true,
  hosts: true,
  paths: true,
  ports: true,
  addresses: true,
  headers: true,
  queries: true,
  connectTimeoutMs: true,
  responseTimeoutMs: true,
  idleTimeoutMs: true,
  retries: true,
  workloads: true,
  allowCleartext: true,
  resolved: true,
  isImported: true,
  controls: false,
};

/** Whether some requests of the route may be plain; the others are told by {@link isPlainTarget}. */
export function hasPlainTarget(route: HttpRoute): boolean {
  return hasOnly(route, ROUTE) && route.targets.some((target) => isPlainTarget(target));
}

/** Reached directly or through a tunnel, and authenticated by header fields, in TLS, or not at all. */
export function isPlainTarget(target: HttpTarget): boolean {
  let isPlain = known.get(target);
  if (isPlain === undefined) {
    isPlain = examine(target);
    known.set(target, isPlain);
  }
  return isPlain;
}

/** Targets do not change, and are asked about with each head that was not seen before. */
const known = new WeakMap<HttpTarget, boolean>();

function examine(target: HttpTarget): boolean {
  const { destination, upstream, tls } = target;
  return (
    (tls === null || hasOnly(tls, TLS)) &&
    isTransparent(upstream.via) &&
    destination.resolved.ready &&
    isKnown(destination.resolved.authentication) &&
    hasOnly(target, TARGET) &&
    hasOnly(upstream, UPSTREAM) &&
    hasOnly(destination, DESTINATION)
  );
}

/** Whether what is dialled is the target itself, with nobody between who reads the request. */
function isTransparent({ kind }: Via): boolean {
  return kind === 'direct' || kind === 'socks5' || kind === 'httpConnect';
}

function isKnown({ type }: Authentication): boolean {
  switch (type) {
    case 'None':
    case 'ClientHandledAuthentication':
    case 'Basic':
    case 'Header':
    case 'ClientCertificate':
    case 'OAuth2ClientCredentials':
    case 'OAuth2Password':
    case 'OAuth2RefreshToken':
    case 'OAuth2AuthorizationCode':
    case 'OAuth2JwtBearer':
    case 'OAuth2TokenExchange':
    case 'OAuth2SamlBearer':
    case 'OAuth2TechnicalUserPropagation':
    case 'SamlAssertion':
    case 'PrincipalPropagation':
    case 'TokenForwarding':
    case 'DestinationService':
      return true;
    default:
      return false;
  }
}

/** A field of later makes may change what a request means; `undefined` means that it is not there. */
function hasOnly<T extends object>(value: T, plain: Fields<T>): boolean {
  return Object.entries(value).every(([name, field]) => field === undefined || plain[name as keyof T] === true);
}
