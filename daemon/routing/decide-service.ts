// SPDX-License-Identifier: Apache-2.0
import type { ServiceTarget } from '../destination/index-services.ts';
import { LeatError } from '../errors/leat-error.ts';
import { workloadName } from '../workload/workload.ts';
import type { ConnectionFacts, Decision } from './decision.ts';
import { findUpstream } from './find-upstream.ts';
import { listHttpTargets } from './list-http-targets.ts';

/**
 * A connection to the Service of a Destination. A tunnel has to admit the namespace of whoever connects, not that of the
 * Destination: who may use a tunnel is not for the Destination's owner to say.
 */
export function decideService(
  { workload, originalDestination }: ConnectionFacts,
  { destination, title, names, host, ports, mayUse }: ServiceTarget,
): Decision {
  const rule = `${destination.id} service ${title}`;
  const refuse = (error: LeatError): Decision => ({ allow: false, error, rule });
  if (!mayUse(workload)) {
    const message = `Service ${title} is not for pod ${workloadName(workload)}: spec.service.access would have to name it`;
    return refuse(new LeatError('HOST_NOT_MANAGED', message));
  }
  const asked = originalDestination.port;
  const declared = destination.ports.find(({ port: number }) => number === asked);
  // An entry's own port is not known to who writes the Destination: the Service has ports of its own, and all lead there.
  const port = declared ?? (destination.controls === undefined ? undefined : destination.ports[0]);
  if (port === undefined || ports?.has(asked) === false) {
    return refuse(new LeatError('PORT_NOT_DECLARED', `Service ${title} has no port ${asked}`));
  }
  const standIn = host ?? port.upstream.host;
  if (standIn === null) {
    const message = `${destination.id}: its Service has nowhere to go: no host but wildcards, and no upstream.host`;
    return refuse(new LeatError('DESTINATION_NOT_READY', message));
  }
  if (port.protocol === 'http') {
    const match = { destination, pattern: standIn };
    const targets = listHttpTargets([{ match, port }], standIn, workload.namespace);
    return { allow: true, rule, route: { kind: 'http', host: standIn, names, port: asked, targets } };
  }
  const upstream = findUpstream(destination, port, standIn, workload.namespace);
  if (upstream instanceof LeatError) return refuse(upstream);
  const { idleTimeoutMs } = destination;
  if (port.protocol === 'tcp')
    return { allow: true, rule, route: { kind: 'tcp', destination, upstream, idleTimeoutMs } };
  return { allow: true, rule, route: { kind: 'tls', destination, upstream, idleTimeoutMs, names } };
}
