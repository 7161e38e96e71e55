// SPDX-License-Identifier: Apache-2.0
import { CREDENTIAL_LABEL } from '../../api/group.ts';
import type { ReflectedStore, Reflector, ReflectorOptions } from '../../daemon/kube/reflector.ts';
import type { WatchEvent } from '../../daemon/kube/watch-objects.ts';

/**
 * Rows of a table, without the objects that they are of: the name of a Secret, its type, how many keys it has. Metadata would
 * be too much: kubectl repeats in an annotation what it applied, values and all.
 */
const NAMES_ALONE = {
  accept: 'application/json;as=Table;g=meta.k8s.io;v=v1',
  query: { includeObject: 'None', labelSelector: `${CREDENTIAL_LABEL}=true` },
};

/** What there is to watch, and where it is kept. */
export type WatchOptions = Pick<ReflectorOptions, 'path' | 'query' | 'accept' | 'store' | 'onSynced'>;
/** Until it is stopped. */
export type Watch = Pick<Reflector, 'stop'>;

export interface LabelledSecretsOptions {
  readonly watch: (options: WatchOptions) => Watch;
  readonly onChange: () => void;
}

interface Followed {
  readonly store: NameStore;
  readonly watch: Watch;
  isKnown: boolean;
}

/** Follows which Secrets carry the label, in some namespaces: their names, and nothing else of them. */
export class LabelledSecrets {
  readonly #options: LabelledSecretsOptions;
  readonly #followed = new Map<string, Followed>();
  readonly #endings = new Set<Promise<void>>();

  constructor(options: LabelledSecretsOptions) {
    this.#options = options;
  }

  /** From now on these namespaces, and no others. */
  follow(namespaces: ReadonlySet<string>): void {
    for (const namespace of namespaces) if (!this.#followed.has(namespace)) this.#start(namespace);
    for (const [namespace, { watch }] of this.#followed) {
      if (namespaces.has(namespace)) continue;
      this.#followed.delete(namespace);
      const ending = watch.stop().finally(() => this.#endings.delete(ending));
      this.#endings.add(ending);
    }
  }

  /** Sorted names by namespace. A namespace that was not read yet is missing. */
  names(): ReadonlyMap<string, readonly string[]> {
    return new Map(
      [...this.#followed].flatMap(([namespace, { store, isKnown }]) => (isKnown ? [[namespace, store.names()]] : [])),
    );
  }

  async stop(): Promise<void> {
    this.follow(new Set());
    await Promise.all(this.#endings);
  }

  #start(namespace: string): void {
    const { watch, onChange } = this.#options;
    const store = new NameStore(onChange);
    const started = watch({
      ...NAMES_ALONE,
      path: `/api/v1/namespaces/${namespace}/secrets`,
      store,
      onSynced: () => {
        followed.isKnown = true;
        onChange();
      },
    });
    const followed: Followed = { store, watch: started, isKnown: false };
    this.#followed.set(namespace, followed);
  }
}

class NameStore implements ReflectedStore {
  readonly #onChange: () => void;
  #names = new Set<string>();

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  names(): readonly string[] {
    return [...this.#names].sort();
  }

  replace(): { add: (row: unknown) => void; commit: () => void } {
    const fresh = new Set<string>();
    return {
      add: (row) => fresh.add(nameOf(row)),
      commit: () => {
        this.#names = fresh;
      },
    };
  }

  apply({ type, object }: WatchEvent): void {
    const { rows } = object as { rows?: readonly unknown[] };
    for (const name of (rows ?? []).map(nameOf)) {
      const before = this.#names.size;
      if (type === 'DELETED') this.#names.delete(name);
      else this.#names.add(name);
      if (this.#names.size !== before) this.#onChange();
    }
  }
}

/** The first column of every kind is the name. */
function nameOf(row: unknown): string {
  const [name] = (row as { cells?: readonly unknown[] }).cells ?? [];
  if (typeof name !== 'string' || name === '') throw new TypeError('the answer is no table of names');
  return name;
}
