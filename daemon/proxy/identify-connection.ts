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
 * Waits until the source address belongs to exactly one pod: the address reaches the API about a second after the pod's
 * containers start (reference: pod IP races), and there is no default identity.
 *
 * @throws SOURCE_UNKNOWN, SOURCE_AMBIGUOUS after the deadline; SOURCE_NOT_ENROLLED at once; NOT_READY without a snapshot.
 */
export async function identifyConnection(
  captured: CapturedConnection,
  { snapshots, identifyTimeoutMs, signal }: Pick<ProxyPorts, 'snapshots' | 'identifyTimeoutMs' | 'signal'>,
): Promise<IdentifiedConnection> {
  const { address } = captured.peer;
  // Made where it is needed: an error costs more than the rest of a stage.
  let why = (): LeatError => new LeatError('NOT_READY', 'no source has delivered its resources yet');

  const attempt = (): IdentifiedConnection | null => {
    const snapshot = snapshots.current();
    if (snapshot === null) return null;
    const [workload, ...others] = snapshot.workloads.at(address);
    if (workload === undefined) {
      why = () => new LeatError('SOURCE_UNKNOWN', `${address} is no known pod of this node`);
      return null;
    }
    if (others.length > 0) {
      why = () => new LeatError('SOURCE_AMBIGUOUS', `${address} belongs to ${others.length + 1} pods of this node`);
      return null;
    }
    // who is not enrolled is captured for a Service alone, which says who may use it
    const service = snapshot.services?.at(captured.originalDestination.address);
    if (!workload.enrolled && service?.mayUse(workload) !== true) {
      throw new LeatError(
        'SOURCE_NOT_ENROLLED',
        `pod ${workloadName(workload)} is not enrolled: label its namespace leat.dev/intercept=enabled`,
      );
    }
    return { ...captured, workload, snapshot } as IdentifiedConnection;
  };

  const known = attempt();
  if (known !== null) return known;
  return withDeadline(
    identifyTimeoutMs,
    () => why(),
    signal,
    async (deadline) => {
      for (;;) {
        await snapshots.changed(deadline);
        const identified = attempt();
        if (identified !== null) return identified;
      }
    },
  );
}
