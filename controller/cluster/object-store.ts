// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from 'node:util';
import type { ReflectedStore } from '../../daemon/kube/reflector.ts';
import type { WatchEvent } from '../../daemon/kube/watch-objects.ts';
import type { Meta } from './view.ts';

/** The objects of one kind, each reduced to what is read of it before it is kept. */
export class ObjectStore<T extends { readonly meta: Meta }> implements ReflectedStore {
  readonly #project: (object: unknown) => T;
  readonly #onChange: () => void;
  #objects = new Map<string, T>();
  #list: readonly T[] | null = null;

  /** @param onChange something of what is read changed */
  constructor(project: (object: unknown) => T, onChange: () => void) {
    this.#project = project;
    this.#onChange = onChange;
  }

  list(): readonly T[] {
    this.#list ??= Object.freeze([...this.#objects.values()]);
    return this.#list;
  }

  replace(): { add: (object: unknown) => void; commit: () => void } {
    const fresh = new Map<string, T>();
    return {
      add: (object) => {
        const projected = this.#read(object);
        fresh.set(keyOf(projected.meta), projected);
      },
      commit: () => {
        this.#objects = fresh;
        this.#changed();
      },
    };
  }

  apply({ type, object }: WatchEvent): void {
    const projected = this.#read(object);
    const key = keyOf(projected.meta);
    if (type === 'DELETED') {
      if (this.#objects.delete(key)) this.#changed();
      return;
    }
    const before = this.#objects.get(key);
    this.#objects.set(key, projected);
    // a version alone is not worth a turn, but a write needs it
    if (before === undefined || !isDeepStrictEqual(withoutVersion(before), withoutVersion(projected))) this.#changed();
    else this.#list = null;
  }

  #read(object: unknown): T {
    const key = keyOf(readMeta(object));
    const before = this.#objects.get(key);
    const version = readMeta(object).resourceVersion;
    return before !== undefined && version !== '' && before.meta.resourceVersion === version
      ? before
      : this.#project(object);
  }

  #changed(): void {
    this.#list = null;
    this.#onChange();
  }
}

function withoutVersion<T extends { readonly meta: Meta }>(object: T): object {
  return { ...object, meta: { ...object.meta, resourceVersion: '' } };
}

function keyOf({ namespace, name }: Meta): string {
  return `${namespace ?? ''}/${name}`;
}

/** Metadata as an API server writes it; what is not as it should be is left empty rather than thrown. */
export function readMeta(object: unknown): Meta {
  const metadata = ((object ?? {}) as { metadata?: Record<string, unknown> | null }).metadata ?? {};
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  const owners = Array.isArray(metadata.ownerReferences) ? (metadata.ownerReferences as Record<string, unknown>[]) : [];
  return {
    name: text(metadata.name),
    namespace: typeof metadata.namespace === 'string' ? metadata.namespace : null,
    uid: text(metadata.uid),
    resourceVersion: text(metadata.resourceVersion),
    generation: typeof metadata.generation === 'number' ? metadata.generation : undefined,
    labels: (metadata.labels ?? {}) as Record<string, string>,
    owners: owners.map(({ apiVersion, kind, name, uid }) => ({
      apiVersion: text(apiVersion),
      kind: text(kind),
      name: text(name),
      uid: text(uid),
    })),
    isGoing: metadata.deletionTimestamp !== undefined && metadata.deletionTimestamp !== null,
  };
}
