// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';
import { workloadName } from '../workload/workload.ts';
import type { IdentifiedConnection } from './identify-connection.ts';

/** Counts open connections of each pod against NodePolicy `connectionsPerPod`: one pod must not starve its node. */
export class ConnectionLimit {
  readonly #open = new Map<string, number>();

  /** Takes a slot; disposing gives it back. @throws CONNECTION_LIMIT */
  take({ workload, snapshot }: IdentifiedConnection): Disposable {
    const { connectionsPerPod, rule } = snapshot.policy.forNamespace(workload.namespace);
    const open = this.#open.get(workload.uid) ?? 0;
    if (open >= connectionsPerPod) {
      throw new LeatError(
        'CONNECTION_LIMIT',
        `pod ${workloadName(workload)} has ${open} open connections, the limit of ${rule} (connectionsPerPod)`,
      );
    }
    this.#open.set(workload.uid, open + 1);
    return { [Symbol.dispose]: () => this.#release(workload.uid) };
  }

  #release(uid: string): void {
    const open = (this.#open.get(uid) ?? 1) - 1;
    if (open > 0) this.#open.set(uid, open);
    else this.#open.delete(uid);
  }
}
