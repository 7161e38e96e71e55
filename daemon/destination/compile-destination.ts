// SPDX-License-Identifier: Apache-2.0
import { DESTINATION_DEFAULTS } from '../../api/defaults.ts';
import type {
  ClusterDestination as ClusterDestinationResource,
  Destination as DestinationResource,
  DestinationSpec,
} from '../../api/kinds/destination.ts';
import { asLeatError, LeatError } from '../errors/leat-error.ts';
import { type NamespaceLabels, selectNamespaces } from '../workload/select-namespaces.ts';
import { compileWorkloadRule } from '../workload/select-workloads.ts';
import { checkFieldValue, checkText } from './check-value.ts';
import { compileAuthentication } from './compile-authentication.ts';
import { type CompiledFrom, compileFrom, compileGateway, type FromContext } from './compile-from.ts';
import { compileRoute } from './compile-route.ts';
import { compileTls, type TunnelAccess } from './compile-tunnel.ts';
import { createdAtMs } from './created-at.ts';
import type { Destination, DestinationPort, ServiceLookup, StaticField, Tenant } from './destination.ts';
import { createFindTokenTunnel } from './find-token-tunnel.ts';
import type { ReadSecret } from './release-secret.ts';
import type { Secret } from './secret.ts';

export interface DestinationContext extends FromContext {
  readonly labelsOf: NamespaceLabels;
  readonly tunnels: ReadonlyMap<string, TunnelAccess>;
  /** Told of what has to be fetched. */
  readonly onLookup: (lookup: ServiceLookup) => void;
}

/** `namespace/name` for a Destination, so that a resource without namespace is the one of `default`, as kubectl has it. */
export function destinationId({ kind, metadata }: DestinationResource | ClusterDestinationResource): string {
  return kind === 'Destination'
    ? `Destination ${metadata.namespace ?? 'default'}/${metadata.name}`
    : `ClusterDestination ${metadata.name}`;
}

/**
 * Defaults filled in and references followed. What can't be resolved becomes its problem; it keeps its hosts.
 * @param tenant the one that it is compiled for, whose Service leads there; default none
 */
export function compileDestination(
  resource: DestinationResource | ClusterDestinationResource,
  context: DestinationContext,
  tenant: Tenant | null = null,
): Destination {
  const { metadata, spec } = resource;
  const namespace = resource.kind === 'Destination' ? (metadata.namespace ?? 'default') : null;
  const compiled = compileSpec(spec, namespace, context, tenant);
  if (compiled.lookup !== null) context.onLookup(compiled.lookup);
  return {
    id: tenant === null ? destinationId(resource) : `${destinationId(resource)} tenant ${tenant.value}`,
    namespace,
    admitsNamespace:
      resource.kind === 'Destination'
        ? onlyFor(resource.metadata.namespace ?? 'default')
        : whereAllowed(selectNamespaces(resource.spec.namespaces, context.labelsOf), compiled.admits),
    overridable: resource.kind === 'Destination' || (resource.spec.overridable ?? DESTINATION_DEFAULTS.overridable),
    createdAtMs: createdAtMs(metadata),
    paths: spec.paths ?? EVERY_PATH,
    addresses: spec.addresses ?? DESTINATION_DEFAULTS.addresses,
    idleTimeoutMs: spec.timeouts?.idleMs ?? DESTINATION_DEFAULTS.idleMs,
    retries: compileRetries(spec.retries),
    workloads: compileWorkloadRule(spec.workloads),
    allowCleartext: spec.allowCleartext ?? false,
    ...compiled.parts,
  };
}

function compileSpec(
  spec: (DestinationResource | ClusterDestinationResource)['spec'],
  namespace: string | null,
  context: DestinationContext,
  tenant: Tenant | null,
): CompiledFrom {
  if (spec.from !== undefined) return compileFrom(spec, namespace, context, tenant);
  return spec.gateway === undefined
    ? compileWritten(spec, namespace, context)
    : compileGateway(spec, namespace, context);
}

/** Ten thousand Destinations that leave a field out share what it then is. */
const EVERY_PATH = Object.freeze(['/']);
const NO_FIELDS: readonly StaticField[] = Object.freeze([]);
const DEFAULT_RETRIES = Object.freeze({
  count: DESTINATION_DEFAULTS.retryCount,
  statuses: DESTINATION_DEFAULTS.retryStatuses,
});
const everywhere = (): boolean => true;

function compileRetries(retries: DestinationSpec['retries']): Destination['retries'] {
  if (retries === undefined) return DEFAULT_RETRIES;
  return {
    count: retries.count ?? DESTINATION_DEFAULTS.retryCount,
    statuses: retries.statuses ?? DESTINATION_DEFAULTS.retryStatuses,
  };
}

/** Made here, where nothing else is in scope: a function keeps alive all that its surroundings know. */
function onlyFor(namespace: string): Destination['admitsNamespace'] {
  return (asking) => asking === namespace;
}

/** What a source does not allow a namespace is not there for it; the namespace's own Destination says why. */
function whereAllowed(
  selects: (namespace: string) => boolean,
  admits: (namespace: string) => boolean,
): Destination['admitsNamespace'] {
  return (asking) => selects(asking) && admits(asking);
}

function compileWritten(spec: DestinationSpec, namespace: string | null, context: DestinationContext): CompiledFrom {
  return {
    lookup: null,
    admits: everywhere,
    parts: {
      hosts: spec.hosts,
      connectTimeoutMs: spec.timeouts?.connectMs ?? DESTINATION_DEFAULTS.connectMs,
      responseTimeoutMs: spec.timeouts?.responseMs ?? DESTINATION_DEFAULTS.responseMs,
      ...resolve(spec, namespace, context),
    },
  };
}

type Resolved = Pick<Destination, 'ports' | 'headers' | 'queries' | 'resolved'>;

/** All or nothing: with one Secret missing, none of the others goes out either. */
function resolve(spec: DestinationSpec, namespace: string | null, context: DestinationContext): Resolved {
  const readSecret = context.secretsOf(namespace ?? context.leatNamespace);
  try {
    const ports = compilePorts(spec.ports, readSecret);
    return {
      ports,
      headers: spec.headers?.map((field) => compileField(field, 'header', readSecret, checkFieldValue)) ?? NO_FIELDS,
      queries: spec.queries?.map((field) => compileField(field, 'query', readSecret, checkText)) ?? NO_FIELDS,
      resolved: {
        ready: true,
        route: compileRoute(spec, ports, namespace, context.tunnels),
        authentication: compileAuthentication(spec.authentication, {
          readSecret,
          findTunnel: createFindTokenTunnel(namespace, context.tunnels),
          isOnPremise: spec.route.type === 'onPremise',
        }),
      },
    };
  } catch (error) {
    return {
      ports: spec.ports.map((port) => compilePort(port, null)),
      headers: NO_FIELDS,
      queries: NO_FIELDS,
      resolved: { ready: false, problem: asLeatError(error) },
    };
  }
}

/** Compiled ports by the list that they were compiled from, which Destinations share where theirs are equal. */
const knownPorts = new WeakMap<DestinationSpec['ports'], readonly DestinationPort[]>();

function compilePorts(ports: DestinationSpec['ports'], readSecret: ReadSecret): readonly DestinationPort[] {
  const needsSecret = ports.some(({ upstream }) => upstream?.tls?.ca !== undefined);
  const compiled =
    (needsSecret ? undefined : knownPorts.get(ports)) ?? ports.map((port) => compilePort(port, readSecret));
  if (!needsSecret) knownPorts.set(ports, compiled);
  return compiled;
}

/** Without a reader the port still says what it is, so that a Destination that is not ready is still found and refused. */
function compilePort(
  { port, protocol, upstream = {} }: DestinationSpec['ports'][number],
  readSecret: ReadSecret | null,
): DestinationPort {
  const tls = upstream.tls === undefined || readSecret === null ? null : compileTls(upstream.tls, readSecret);
  return {
    port,
    protocol,
    upstream: {
      host: upstream.host ?? null,
      port: upstream.port ?? (upstream.tls === undefined ? port : DESTINATION_DEFAULTS.tlsUpstreamPort),
      pathPrefix: (upstream.pathPrefix ?? '').replace(/\/+$/, ''),
      tls,
    },
  };
}

type FieldSpec = NonNullable<DestinationSpec['headers']>[number] | NonNullable<DestinationSpec['queries']>[number];

function compileField(
  { name, value, secret, mode }: FieldSpec,
  what: string,
  readSecret: ReadSecret,
  check: (value: string, what: string) => Secret,
): StaticField {
  if ((value === undefined) === (secret === undefined)) {
    throw new LeatError('DESTINATION_NOT_READY', `${what} ${name} needs either a value or a secret`);
  }
  if (secret === undefined) return { name, value: value ?? '', mode };
  return {
    name,
    value: check(readSecret(secret.name, secret.key), `key "${secret.key}" of Secret ${secret.name}`),
    mode,
  };
}
