// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';
import { withDeadline } from '../net/deadline.ts';
import type { Snapshot } from '../routing/snapshot.ts';
import { type Workload, workloadName } from '../workload/workload.ts';
import type { CapturedConnection } from './capture-connection.ts';
import type { ProxyPorts } from './ports.ts';

declare const stage: unique symbol;

/** A connection of an enrolled pod. It keeps the snapshot in which it was identified for everything that follows. */
export interface IdentifiedConnection extends CapturedConnection {
  readonly workload: Workload;
  readonly snapshot: Snapshot;
  readonly [stage]: true;
}

/**
 * At once where the source is known. Else waits until the source address belongs to exactly one pod that can still have it:
 * the address reaches the API about a second after the pod's containers start, that its last owner is gone may reach it
 * later still (docs/adr/0009-addresses-from-the-runtime.md), and there is no default identity.
 *
 * @throws SOURCE_UNKNOWN, SOURCE_AMBIGUOUS after the deadline; SOURCE_NOT_ENROLLED at once; NOT_READY without a snapshot.
 */
export function identifyConnection(
  captured: CapturedConnection,
  ports: Pick<ProxyPorts, 'snapshots' | 'holdsAddress' | 'identifyTimeoutMs' | 'signal'>,
): IdentifiedConnection | Promise<IdentifiedConnection> {
  const { snapshots, holdsAddress, identifyTimeoutMs, signal } = ports;
  const known = identifyNow(captured, snapshots.current(), holdsAddress);
  if (known !== null) return known;
  return withDeadline(
    identifyTimeoutMs,
    () => whyUnknown(captured, snapshots.current()),
    signal,
    async (deadline) => {
      for (;;) {
        await snapshots.changed(deadline);
        const identified = identifyNow(captured, snapshots.current(), holdsAddress);
        if (identified !== null) return identified;
      }
    },
  );
}

/** Null where it is not known yet. */
function identifyNow(
  captured: CapturedConnection,
  snapshot: Snapshot | null,
  holdsAddress: ProxyPorts['holdsAddress'],
): IdentifiedConnection | null {
  if (snapshot === null) return null;
  const { address } = captured.peer;
  const workloads = snapshot.workloads.at(address).filter((workload) => holdsAddress(workload, address));
  const [workload] = workloads;
  if (workload === undefined || workloads.length > 1) return null;
  // who is not enrolled is captured for a Service alone, which says who may use it
  const service = snapshot.services?.at(captured.originalDestination.address);
  if (!workload.enrolled && service?.mayUse(workload) !== true) {
    throw new LeatError(
      'SOURCE_NOT_ENROLLED',
      `pod ${workloadName(workload)} is not enrolled: label its namespace leat.dev/intercept=enabled`,
    );
  }
  return { ...captured, workload, snapshot } as IdentifiedConnection;
}

function whyUnknown({ peer: { address } }: CapturedConnection, snapshot: Snapshot | null): LeatError {
  if (snapshot === null) return new LeatError('NOT_READY', 'no source has delivered its resources yet');
  const [pod, other] = snapshot.workloads.at(address);
  if (pod === undefined) return new LeatError('SOURCE_UNKNOWN', `${address} is no known pod of this node`);
  if (other === undefined) {
    const gone = `pod ${workloadName(pod)} had ${address}, but the interface that has it now is another's`;
    return new LeatError('SOURCE_UNKNOWN', `${gone}, and the API server has not named that pod yet`);
  }
  const names = [workloadName(pod), workloadName(other)].join(' and ');
  return new LeatError('SOURCE_AMBIGUOUS', `${address} belongs to several pods of this node: ${names}`);
}
