// SPDX-License-Identifier: Apache-2.0
import { SOURCE_DEFAULTS } from '../../api/defaults.ts';
import type { DestinationSource } from '../../api/kinds/destination-source.ts';
import { asLeatError, type LeatError } from '../errors/leat-error.ts';
import { type NamespaceLabels, selectNamespaces } from '../workload/select-namespaces.ts';
import { type AskedEntry, allowsEntry, matchesAny } from './allow-entry.ts';
import type { TokenVerification } from './authentication-parts.ts';
import { checkCertificates } from './check-pem.ts';
import { compileUserToken } from './compile-user-token.ts';
import type { ServiceImport, ServiceInstance, Tenant } from './destination.ts';
import type { ReadSecret } from './release-secret.ts';
import { type IdentityFiles, readServiceBinding } from './service-binding.ts';

export interface SourceAccess {
  readonly name: string;
  readonly isDefault: boolean;
  readonly resolved: { readonly service: ServiceInstance } | { readonly problem: LeatError };
  /** For who names no region. */
  readonly tunnels: SourceTunnels;
  /** By the region that a request names. */
  readonly regions: ReadonlyMap<string, SourceTunnels>;
  readonly allowInsecure: boolean;
  /** What is imported: of which level, which names. */
  readonly imports: readonly ImportRule[];
  /** Null: all entries are those of the binding's own tenant. */
  readonly tenants: TenantAccess | null;
  /** Whether any part of `allow` names the namespace: to all others the source does not exist. */
  readonly admits: (namespace: string) => boolean;
  readonly allows: (namespace: string, asked: AskedEntry) => boolean;
  /** The same for whichever namespace. */
  readonly allowsSomebody: (asked: AskedEntry) => boolean;
}

/** Names of Tunnels, by what an entry speaks; null: none. */
export interface SourceTunnels {
  readonly http: string | null;
  readonly other: string | null;
}

/** Of a source with `tenantMode: shared`. */
export interface TenantAccess {
  readonly allows: (namespace: string, tenant: Tenant) => boolean;
  /** Null: no token of a user is taken. */
  readonly verification: TokenVerification | null;
}

export interface ImportRule {
  readonly level: ServiceImport['level'];
  readonly selects: (name: string) => boolean;
  readonly allowCleartext: boolean;
}

/** What a DestinationSource is, and for whom. Its Secrets are those of Leat's own namespace. */
export function compileSource(
  { metadata, spec }: DestinationSource,
  readSecret: ReadSecret,
  labelsOf: NamespaceLabels,
  files: IdentityFiles = new Map(),
): SourceAccess {
  const entries = spec.allow.map(({ namespaces, destinationNames, levels, fragmentNames = [], chainNames = [] }) => ({
    selects: selectNamespaces(namespaces, labelsOf),
    allow: { names: destinationNames, levels, fragments: fragmentNames, chains: chainNames },
  }));
  return {
    name: metadata.name,
    isDefault: spec.default ?? false,
    ...resolve(metadata.name, spec, readSecret, labelsOf, files),
    tunnels: tunnelsOf(spec),
    regions: new Map(spec.regions?.map((region) => [region.id, tunnelsOf(region)])),
    allowInsecure: spec.allowInsecure ?? false,
    admits: (namespace) => entries.some(({ selects }) => selects(namespace)),
    allows: (namespace, asked) => entries.some(({ selects, allow }) => selects(namespace) && allowsEntry(allow, asked)),
    allowsSomebody: (asked) => entries.some(({ allow }) => allowsEntry(allow, asked)),
    imports: (spec.import ?? []).map(({ level, names, allowCleartext = false }) => ({
      level,
      selects: (name) => matchesAny(names, name),
      allowCleartext,
    })),
  };
}

function tunnelsOf({ tunnel, httpTunnel }: { tunnel?: string; httpTunnel?: string }): SourceTunnels {
  return { http: httpTunnel ?? tunnel ?? null, other: tunnel ?? null };
}

type Resolved = Pick<SourceAccess, 'resolved' | 'tenants'>;

function resolve(
  name: string,
  spec: DestinationSource['spec'],
  readSecret: ReadSecret,
  labelsOf: NamespaceLabels,
  files: IdentityFiles,
): Resolved {
  try {
    const tenants = spec.tenantMode === 'dedicated' ? null : compileTenants(spec, readSecret, labelsOf);
    const ca =
      spec.ca === undefined
        ? null
        : checkCertificates(readSecret(spec.ca.name, spec.ca.key), `key "${spec.ca.key}" of Secret ${spec.ca.name}`);
    const requestTimeoutMs = spec.timeouts?.requestMs ?? SOURCE_DEFAULTS.requestMs;
    const service = { name, ca, requestTimeoutMs, ...readServiceBinding(spec.binding, { ca, readSecret, files }) };
    return { resolved: { service }, tenants };
  } catch (error) {
    const tenants =
      spec.tenantMode === 'dedicated' ? null : { allows: allowTenants(spec, labelsOf), verification: null };
    return { resolved: { problem: asLeatError(error) }, tenants };
  }
}

function compileTenants(
  spec: DestinationSource['spec'],
  readSecret: ReadSecret,
  labelsOf: NamespaceLabels,
): TenantAccess {
  const userToken = spec.tenants?.userToken;
  return {
    allows: allowTenants(spec, labelsOf),
    verification:
      userToken === undefined ? null : compileUserToken(userToken, readSecret, { isVouched: true }).verification,
  };
}

/** Where it is missing nobody is allowed: old API servers drop a field that they do not know. */
function allowTenants({ tenants }: DestinationSource['spec'], labelsOf: NamespaceLabels): TenantAccess['allows'] {
  const parts = (tenants?.allow ?? []).map(({ namespaces, subdomains = [], ids = [] }) => ({
    selects: selectNamespaces(namespaces, labelsOf),
    patterns: { subdomain: subdomains, id: ids },
  }));
  return (namespace, { kind, value }) =>
    parts.some(({ selects, patterns }) => selects(namespace) && matchesAny(patterns[kind], value));
}
