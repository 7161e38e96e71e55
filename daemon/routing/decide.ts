// SPDX-License-Identifier: Apache-2.0
import { DESTINATION_DEFAULTS } from '../../api/defaults.ts';
import { normaliseHost } from '../destination/host-pattern.ts';
import { LeatError } from '../errors/leat-error.ts';
import { formatEndpoint } from '../net/endpoint.ts';
import { workloadName } from '../workload/workload.ts';
import { decideService } from './decide-service.ts';
import type { ConnectionFacts, Decision } from './decision.ts';
import { findUpstream } from './find-upstream.ts';
import { listHttpTargets, type PortMatch } from './list-http-targets.ts';
import type { HostMatch, Snapshot } from './snapshot.ts';

/**
 * Where a connection goes, or why it is refused: the same facts and snapshot always give the same. The order
 * of choice is docs/adr/0004-order-of-choice.md.
 *
 * - A name, managed and with the port declared: by the protocol of the best Destination of that port. Others of the
 *   same port that speak another protocol are out. For http all that remain become targets, and one that is not ready is
 *   refused request by request, so that the client reads why; for the rest the best one decides alone.
 * - A name, managed, but a port that nobody declares: to the real host under the default action Allow.
 * - A name that is not managed for this workload: refused; it was answered to another one, or its Destination is gone.
 * - The address of a Destination's Service: that Destination and no other, for whoever may use the Service.
 * - An address: the Destination that names it, else the default action, which does not refuse what is never captured. So
 *   what was captured for a managed host's sake, but is for another name, goes on to where it was going.
 */
export function decide(snapshot: Snapshot, facts: ConnectionFacts): Decision {
  const { workload, originalDestination } = facts;
  const host = facts.host === null ? null : normaliseHost(facts.host);
  const service = host === null ? snapshot.services?.at(originalDestination.address) : undefined;
  if (service) return decideService(facts, service);
  const asked = host ?? originalDestination.address;
  const matches = snapshot.destinations.match(workload, asked);
  if (matches.length === 0) {
    if (host === null) return applyDefaultAction(snapshot, facts, originalDestination.address, 'DEFAULT_DENIED');
    const cure = 'look at hosts and workloads of those in its namespace';
    const message = `no Destination that pod ${workloadName(workload)} may use has the host ${host}: ${cure}`;
    return { allow: false, error: new LeatError('HOST_NOT_MANAGED', message), rule: 'no Destination' };
  }
  const ofPort = declaring(matches, originalDestination.port);
  const [best] = ofPort;
  if (best === undefined) return applyDefaultAction(snapshot, facts, asked, 'PORT_NOT_DECLARED');
  return takeDestination(facts, asked, best, ofPort);
}

function declaring(matches: readonly HostMatch[], asked: number): PortMatch[] {
  const found: PortMatch[] = [];
  for (const match of matches) {
    const port = match.destination.ports.find(({ port: declared }) => declared === asked);
    if (port !== undefined && port.protocol === (found[0]?.port ?? port).protocol) found.push({ match, port });
  }
  return found;
}

function takeDestination(
  { workload, originalDestination }: ConnectionFacts,
  asked: string,
  best: PortMatch,
  ofPort: readonly PortMatch[],
): Decision {
  const { destination } = best.match;
  const rule = destination.id;
  if (best.port.protocol === 'http') {
    const targets = listHttpTargets(ofPort, asked, workload.namespace);
    return { allow: true, rule, route: { kind: 'http', host: asked, port: originalDestination.port, targets } };
  }
  const upstream = findUpstream(destination, best.port, asked, workload.namespace);
  if (upstream instanceof LeatError) return { allow: false, error: upstream, rule };
  const kind = best.port.protocol === 'tcp' ? 'tcp' : 'tls';
  return { allow: true, rule, route: { kind, destination, upstream, idleTimeoutMs: destination.idleTimeoutMs } };
}

function applyDefaultAction(
  { policy }: Snapshot,
  { workload, originalDestination, statedHost }: ConnectionFacts,
  host: string,
  code: 'PORT_NOT_DECLARED' | 'DEFAULT_DENIED',
): Decision {
  const { defaultAction, rule: name } = policy.forNamespace(workload.namespace);
  const isExcluded = code === 'DEFAULT_DENIED' && policy.isExcluded?.(host) === true;
  const why = statedHost === undefined ? '' : `, no managed host: ${statedHost ?? 'none is stated'}`;
  const rule = isExcluded
    ? `NodePolicy ${policy.name} capture.exclude`
    : `NodePolicy ${name} default action ${defaultAction}${why}`;
  const { port } = originalDestination;
  if (defaultAction === 'Deny' && !isExcluded) {
    const message =
      code === 'PORT_NOT_DECLARED'
        ? `no Destination of ${host} declares port ${port}, and the default action is Deny`
        : `no Destination has the address ${formatEndpoint(originalDestination)}, and the default action is Deny`;
    return { allow: false, error: new LeatError(code, message), rule };
  }
  const upstream = { host, port, via: { kind: 'direct' }, connectTimeoutMs: DESTINATION_DEFAULTS.connectMs } as const;
  const idleTimeoutMs = DESTINATION_DEFAULTS.idleMs;
  return { allow: true, rule, route: { kind: 'tcp', destination: null, upstream, idleTimeoutMs } };
}
