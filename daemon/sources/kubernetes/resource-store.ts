// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from 'node:util';
import { reasonOf } from '../../../api/field-problem.ts';
import { KINDS, type KindName } from '../../../api/kind-table.ts';
import { parseResource } from '../../../api/parse-resource.ts';
import type { RefusedResource, Resource } from '../../../api/resource-set.ts';
import type { ReflectedStore } from '../../kube/reflector.ts';
import type { WatchEvent } from '../../kube/watch-objects.ts';
import type { SourceProblem } from '../source-problem.ts';
import { SharedParts } from './shared-parts.ts';

type Of<K extends KindName> = Extract<Resource, { kind: K }>;

interface Entry<K extends KindName> {
  /** `metadata.resourceVersion` that it was read from; empty for one from disk. */
  readonly version: string;
  /** Where the object is not valid: null, or as it was when it was, for kinds in {@link KEPT}. */
  readonly resource: Of<K> | null;
  readonly problems: readonly SourceProblem[];
}

interface Faults {
  readonly problems: readonly SourceProblem[];
  readonly refused: readonly RefusedResource[];
}

/**
 * Kinds that go on as they were where their newest version is not valid. Without its policy a node would let pass what the
 * policy refuses, and without its Destination, or the source of imported ones, a host is reached in clear: those are kept to
 * be refused.
 */
const KEPT: ReadonlySet<KindName> = new Set<KindName>([
  'NodePolicy',
  'Destination',
  'ClusterDestination',
  'DestinationSource',
]);

const NO_PROBLEMS: readonly SourceProblem[] = Object.freeze([]);

/** More problems of one object would not help anyone. */
const MAX_PROBLEMS = 5;

/**
 * The resources of one kind as the API server has them, reduced to what Leat reads. An object that did not change in what
 * is read stays the same object, and so does the list: what is compiled from it need not be compiled again.
 */
export class ResourceStore<K extends KindName> implements ReflectedStore {
  readonly #kind: K;
  readonly #onChange: () => void;
  #entries = new Map<string, Entry<K>>();
  #resources: readonly Of<K>[] | null = null;
  /** Of each change of any kind all stores are asked for these: they are not to look through ten thousand entries for it. */
  #faults: Faults | null = null;

  /** @param onChange what is read of some object changed, or its problems did */
  constructor(kind: K, onChange: () => void) {
    this.#kind = kind;
    this.#onChange = onChange;
  }

  /** Ordered by the API server's own order, unchangeable. */
  resources(): readonly Of<K>[] {
    this.#resources ??= Object.freeze([...this.#entries.values()].flatMap(({ resource }) => resource ?? []));
    return this.#resources;
  }

  problems(): readonly SourceProblem[] {
    return this.#findFaults().problems;
  }

  /** Those that stand here as they were, because their newest version is not valid. */
  refused(): readonly RefusedResource[] {
    return this.#findFaults().refused;
  }

  #findFaults(): Faults {
    if (this.#faults !== null) return this.#faults;
    const faults = { problems: [] as SourceProblem[], refused: [] as RefusedResource[] };
    for (const [key, { resource, problems }] of this.#entries) {
      const [problem] = problems;
      if (problem === undefined) continue;
      faults.problems.push(...problems);
      if (resource === null) continue;
      faults.refused.push({ resource: `${this.#kind} ${key}`, reason: `${problem.field}: ${problem.reason}` });
    }
    this.#faults = faults;
    return faults;
  }

  /** What was known before a restart, until the API server is heard. */
  seed(resources: readonly Of<K>[]): void {
    this.#replaceBy(
      new Map(
        resources.map((resource) => [keyOf(resource.metadata), { version: '', resource, problems: NO_PROBLEMS }]),
      ),
    );
  }

  replace(): { add: (object: unknown) => void; commit: () => void } {
    const fresh = new Map<string, Entry<K>>();
    return {
      add: (object) => {
        const key = keyOfObject(object);
        fresh.set(key, this.#read(key, object));
      },
      commit: () => this.#replaceBy(fresh),
    };
  }

  apply({ type, object }: WatchEvent): void {
    const key = keyOfObject(object);
    const before = this.#entries.get(key);
    if (type === 'DELETED') {
      if (this.#entries.delete(key)) this.#changed();
      return;
    }
    const entry = this.#read(key, object);
    this.#entries.set(key, entry);
    if (!isSame(before, entry)) this.#changed();
  }

  #replaceBy(fresh: Map<string, Entry<K>>): void {
    const before = this.#entries;
    this.#entries = fresh;
    const unchanged = before.size === fresh.size && [...fresh].every(([key, entry]) => isSame(before.get(key), entry));
    if (!unchanged) this.#changed();
  }

  #changed(): void {
    this.#resources = null;
    this.#faults = null;
    this.#onChange();
  }

  #read(key: string, object: unknown): Entry<K> {
    const before = this.#entries.get(key);
    const version = versionOf(object);
    if (before !== undefined && version !== '' && before.version === version) return before;
    const { apiVersion } = KINDS[this.#kind];
    // the items of a list do not say what they are
    const parsed = parseResource({ ...(object as object), apiVersion, kind: this.#kind });
    if (!parsed.ok) {
      const kept = KEPT.has(this.#kind) ? (before?.resource ?? null) : null;
      return { version, resource: kept, problems: this.#problemsOf(key, parsed.problems) };
    }
    const resource = kept(parsed.resource as Of<K>);
    const same = before?.resource != null && isDeepStrictEqual(before.resource, resource);
    return { version, resource: same ? before.resource : resource, problems: NO_PROBLEMS };
  }

  #problemsOf(key: string, problems: readonly Parameters<typeof reasonOf>[0][]): SourceProblem[] {
    return problems.slice(0, MAX_PROBLEMS).map((problem) => ({
      file: '',
      line: null,
      resource: `${this.#kind} ${key}`,
      field: problem.field,
      reason: reasonOf(problem),
    }));
  }
}

function isSame<K extends KindName>(a: Entry<K> | undefined, b: Entry<K>): boolean {
  return a !== undefined && a.resource === b.resource && isDeepStrictEqual(a.problems, b.problems);
}

const parts = new SharedParts();

/**
 * What is kept: `last-applied-configuration` repeats a Secret in clear, and versions change with every status. Of Secrets
 * nothing is shared: what is shared is remembered for a while.
 */
function kept<R extends Resource>(resource: R): R {
  const { annotations: _, resourceVersion: __, ...metadata } = resource.metadata;
  if (resource.kind === 'Secret') return { ...resource, metadata };
  const { namespace, labels } = metadata;
  const shared = {
    ...metadata,
    ...(namespace === undefined ? {} : { namespace: parts.share(namespace) }),
    ...(labels === undefined ? {} : { labels: parts.share(labels) }),
  };
  return { ...resource, metadata: shared, ...('spec' in resource ? { spec: parts.share(resource.spec) } : {}) };
}

function keyOf({ namespace, name }: { namespace?: string | undefined; name: string }): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

function keyOfObject(object: unknown): string {
  const { name, namespace } = metadataOf(object);
  return keyOf({ name: String(name), namespace: typeof namespace === 'string' ? namespace : undefined });
}

function versionOf(object: unknown): string {
  const { resourceVersion } = metadataOf(object);
  return typeof resourceVersion === 'string' ? resourceVersion : '';
}

function metadataOf(object: unknown): Record<string, unknown> {
  return ((object ?? {}) as { metadata?: Record<string, unknown> | null }).metadata ?? {};
}
