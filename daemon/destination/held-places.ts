// SPDX-License-Identifier: Apache-2.0
import type { Destination } from './destination.ts';

/** What a Destination claims by its entry. */
export type Place = Pick<Destination, 'hosts' | 'ports'>;

/**
 * Where entries of a Destination service were last known to be, by the Destination that has them. While it stands, and its
 * entry can't be read any more, it keeps its place: what goes there is refused, for without it a request would go out as the
 * application wrote it, past the credential. What a snapshot does not note is forgotten with it.
 */
export class HeldPlaces {
  #known: ReadonlyMap<string, Place>;
  #noted = new Map<string, Place>();

  /** @param known before a restart; default none */
  constructor(known: ReadonlyMap<string, Place> = new Map()) {
    this.#known = known;
  }

  /** Those of the newest snapshot. */
  get all(): ReadonlyMap<string, Place> {
    return this.#known;
  }

  /** Of the snapshot before; null: none is known. */
  placeOf(id: string): Place | null {
    return this.#known.get(id) ?? null;
  }

  /** Ids that begin like this, with what follows. */
  beginningWith(start: string): { readonly rest: string; readonly place: Place }[] {
    return [...this.#known]
      .filter(([id]) => id.startsWith(start))
      .map(([id, place]) => ({ rest: id.slice(start.length), place }));
  }

  note({ id, hosts, ports }: Pick<Destination, 'id' | 'hosts' | 'ports'>): void {
    if (hosts.length > 0) this.#noted.set(id, { hosts, ports });
  }

  /** The snapshot is made. */
  end(): void {
    this.#known = this.#noted;
    this.#noted = new Map();
  }
}
