// SPDX-License-Identifier: Apache-2.0

import type { ResourceSet } from '../../api/resource-set.ts';
import { resourcesDigest } from '../../api/resources-digest.ts';
import type { ClusterView, CustomObject, NodeStateObject } from '../cluster/view.ts';

/** Daemons report a change within 10 s; a report this much later is of a state that has it. */
const REPORTED_AFTER_MS = 15_000;
/** Daemons report every five minutes, also without news. */
const SILENT_AFTER_MS = 660_000;
const MAX_DIGESTS = 1_000;

interface Seen {
  readonly mark: string;
  readonly turn: number;
  readonly atMs: number;
}

/**
 * Which node knows which resource as it is now. A daemon reports a digest of all it knows; a digest that the controller
 * had itself, at or after the turn in which it first saw the resource so, says that the daemon knows it too. All times are
 * of our own clock: when something was seen here, not when somebody wrote it.
 */
export class Takeover {
  readonly #nowMs: () => number;
  readonly #turns = new Map<string, number>();
  #objects = new Map<string, Seen>();
  #states = new Map<string, Seen>();
  #turn = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Takes what is known now. */
  observe({ customs, nodeStates }: Pick<ClusterView, 'customs' | 'nodeStates'>, resources: ResourceSet): void {
    this.#turn += 1;
    const digest = resourcesDigest(resources);
    this.#turns.delete(digest);
    this.#turns.set(digest, this.#turn);
    for (const [oldest] of this.#turns) {
      if (this.#turns.size <= MAX_DIGESTS) break;
      this.#turns.delete(oldest);
    }
    this.#objects = this.#note(this.#objects, customs, ({ generation }) => `${generation}`);
    this.#states = this.#note(this.#states, nodeStates, ({ resourceVersion }) => resourceVersion);
  }

  hasTakenOver({ meta, status }: NodeStateObject, object: CustomObject): boolean {
    const seen = this.#objects.get(object.meta.uid);
    if (seen === undefined) return false;
    if ((this.#turns.get(status?.snapshot?.digest ?? '') ?? 0) >= seen.turn) return true;
    const reported = this.#states.get(meta.uid);
    return reported !== undefined && reported.turn > 1 && reported.atMs - seen.atMs >= REPORTED_AFTER_MS;
  }

  isSilent({ meta }: NodeStateObject): boolean {
    const reported = this.#states.get(meta.uid);
    return reported !== undefined && this.#nowMs() - reported.atMs > SILENT_AFTER_MS;
  }

  #note(
    before: ReadonlyMap<string, Seen>,
    objects: readonly Pick<CustomObject, 'meta'>[],
    markOf: (meta: CustomObject['meta']) => string,
  ): Map<string, Seen> {
    return new Map(
      objects.map(({ meta }) => {
        const mark = markOf(meta);
        const known = before.get(meta.uid);
        return [meta.uid, known?.mark === mark ? known : { mark, turn: this.#turn, atMs: this.#nowMs() }];
      }),
    );
  }
}
