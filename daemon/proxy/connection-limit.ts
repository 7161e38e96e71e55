// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';
import { workloadName } from '../workload/workload.ts';
import type { IdentifiedConnection } from './identify-connection.ts';

/** Counts open connections of each pod against NodePolicy `connectionsPerPod`: one pod must not starve its node. */
export class ConnectionLimit {
  readonly #pods = new Map<string, Slots>();

  /** Takes a slot; disposing gives it back. @throws CONNECTION_LIMIT */
  take({ workload, snapshot }: IdentifiedConnection): Disposable {
    const { connectionsPerPod, rule } = snapshot.policy.forNamespace(workload.namespace);
    const slots = this.#pods.get(workload.uid) ?? new Slots(() => this.#pods.delete(workload.uid));
    if (slots.taken >= connectionsPerPod) {
      throw new LeatError(
        'CONNECTION_LIMIT',
        `pod ${workloadName(workload)} has ${slots.taken} open connections, the limit of ${rule} (connectionsPerPod)`,
      );
    }
    if (slots.taken === 0) this.#pods.set(workload.uid, slots);
    slots.taken += 1;
    return slots;
  }
}

/** Those of one pod: each connection disposes of it once, for the slot that it took. */
class Slots implements Disposable {
  taken = 0;
  readonly #onEmpty: () => void;

  constructor(onEmpty: () => void) {
    this.#onEmpty = onEmpty;
  }

  [Symbol.dispose](): void {
    this.taken -= 1;
    if (this.taken === 0) this.#onEmpty();
  }
}
