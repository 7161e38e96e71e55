// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from 'node:util';
import type { ReflectedStore } from '../../kube/reflector.ts';
import type { WatchEvent } from '../../kube/watch-objects.ts';

type Labels = Readonly<Record<string, string>>;

const NONE: Labels = Object.freeze({});

/** The labels of the one Node that the daemon runs on: NodePolicies select by them. Nothing else of it is kept. */
export class NodeLabels implements ReflectedStore {
  readonly #onChange: () => void;
  #labels = NONE;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  get labels(): Labels {
    return this.#labels;
  }

  replace(): { add: (object: unknown) => void; commit: () => void } {
    let fresh = NONE;
    return {
      add: (object) => {
        fresh = labelsOf(object);
      },
      commit: () => this.#take(fresh),
    };
  }

  apply({ type, object }: WatchEvent): void {
    // a Node that is registered anew is deleted before: the labels it had are a better guess than none
    if (type !== 'DELETED') this.#take(labelsOf(object));
  }

  #take(labels: Labels): void {
    if (isDeepStrictEqual(labels, this.#labels)) return;
    this.#labels = labels;
    this.#onChange();
  }
}

function labelsOf(object: unknown): Labels {
  const { metadata } = (object ?? {}) as { metadata?: { labels?: unknown } | null };
  const labels = Object.entries(metadata?.labels ?? {});
  return Object.freeze(
    Object.fromEntries(labels.filter((pair): pair is [string, string] => typeof pair[1] === 'string')),
  );
}
