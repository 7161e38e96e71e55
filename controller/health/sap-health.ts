// SPDX-License-Identifier: Apache-2.0
/**
 * `/status` and `/destinationCRs` in the words of SAP's transparent proxy (SAP Help, "Monitoring" and "Verify the status of
 * the transparent proxy"), for what watches that. Pure.
 */
import type { Condition } from '../../api/kinds/status.ts';
import type { ClusterView, CustomObject, NodeStateObject } from '../cluster/view.ts';

export type SapHealth = 'ok' | 'warning' | 'critical';

export interface SapStatus {
  readonly Status: SapHealth;
  /** Those of SAP's whose work Leat does, where there is any of it. */
  readonly Components: Readonly<Record<string, SapComponent>>;
}

export interface SapComponent {
  readonly Status: SapHealth;
  readonly Message: string;
  /** Of what is no HTTP: the nodes whose daemons are not well. */
  readonly AffectedDeployments?: readonly string[];
}

export interface SapCustomResources {
  readonly Status: SapHealth;
  readonly CustomResources: readonly {
    readonly Name: string;
    /** `*` for a gateway. */
    readonly DestinationRef: { readonly name: string };
    readonly CreationTimestamp: string;
    readonly Available: 'True' | 'False';
    readonly Message: string;
    readonly Reason: string;
  }[];
}

/** A daemon writes at least every five minutes. */
const SILENT_MS = 600_000;

/** The answer of `/status`, from what daemons reported last. */
export function sapStatus(view: ClusterView, nowMs: number): SapStatus {
  const affected = view.nodeStates.filter((state) => !isWell(state, nowMs)).map(({ meta }) => meta.name);
  const daemons = healthOf(affected.length, view.nodeStates.length);
  const message = affected.length === 0 ? '' : `not well: the daemons of ${affected.slice(0, 5).join(', ')}`;
  const kinds = view.customs.map(speaksHttp);
  const components: Record<string, SapComponent> = {
    ...(kinds.includes(true) ? { 'sap-transp-proxy-http': { Status: daemons, Message: message } } : {}),
    ...(kinds.includes(false)
      ? { 'sap-transp-proxy-tcp': { Status: daemons, Message: message, AffectedDeployments: affected } }
      : {}),
    // It answers.
    'sap-transp-proxy-manager': { Status: 'ok', Message: '' },
  };
  const all = Object.values(components).map(({ Status }) => Status);
  return { Status: all.every((one) => one === 'ok') ? 'ok' : 'warning', Components: components };
}

/** Destinations that are entries of a Destination service, and gateways to them. */
export function sapCustomResources({ customs }: ClusterView): SapCustomResources {
  const resources = customs.flatMap((object) => {
    const { resource, meta } = object;
    if (resource?.kind !== 'Destination') return [];
    const { from, gateway } = resource.spec;
    if (from === undefined && gateway === undefined) return [];
    const ready = object.conditions.find(({ type }) => type === 'Ready');
    return [
      {
        Name: meta.name,
        DestinationRef: { name: from?.name ?? '*' },
        CreationTimestamp: resource.metadata.creationTimestamp ?? '',
        Available: ready?.status === 'True' ? ('True' as const) : ('False' as const),
        Message: ready?.message ?? 'nothing is known of it yet',
        Reason: reasonOf(ready),
      },
    ];
  });
  const unavailable = resources.filter(({ Available }) => Available === 'False').length;
  return { Status: healthOf(unavailable, resources.length), CustomResources: resources };
}

function healthOf(bad: number, all: number): SapHealth {
  if (bad === 0) return 'ok';
  return bad < all ? 'warning' : 'critical';
}

function isWell({ status }: NodeStateObject, nowMs: number): boolean {
  if (status === null || status.selfTest?.result === 'Failed') return false;
  return nowMs - Date.parse(status.observedTime) < SILENT_MS;
}

/** null: it is no Destination. What an entry speaks, only nodes know; those with a Service for each tenant are no HTTP. */
function speaksHttp({ resource }: CustomObject): boolean | null {
  if (resource?.kind !== 'Destination' && resource?.kind !== 'ClusterDestination') return null;
  const { spec } = resource;
  if (spec.gateway !== undefined) return true;
  if (spec.from !== undefined) return spec.from.tenants === undefined;
  return spec.ports.some(({ protocol }) => protocol === 'http');
}

const NOT_FOUND = 'ConfigurationError-ReferencedDestination-NotFound';
/** SAP Help, "Destination Custom Resource": reasons of its condition `Available`. */
const REASONS: Readonly<Record<string, string>> = {
  DestinationEntryNotFound: NOT_FOUND,
  DestinationSourceNotAllowed: NOT_FOUND,
  FragmentNotFound: 'ConfigurationError-ReferencedFragment-NotFound',
  DestinationUrlInvalid: 'ConfigurationError-ReferencedDestination-UrlNotSupported',
  DestinationEntryUnsupported: 'ConfigurationError-ReferencedDestination-TypeNotSupported',
  NameTaken: 'ConfigurationError-K8sResourceWithNameAlreadyPresent',
  TenantUnknown: 'FailedToApplyConfiguration',
};

function reasonOf(ready: Condition | undefined): string {
  if (ready?.status === 'True') return 'ConfigurationSuccessful';
  return REASONS[ready?.reason ?? ''] ?? 'ConfigurationFailed';
}
