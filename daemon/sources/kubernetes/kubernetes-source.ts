// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import {
  LABELLED_SECRETS_ROLE,
  RELEASED_SECRETS_ROLE,
  SECRET_READER_ROLE,
  type SecretsBinding,
} from '../../../api/group.ts';
import type { KindName } from '../../../api/kind-table.ts';
import type { Secret } from '../../../api/kinds/core.ts';
import type { ResourceSet } from '../../../api/resource-set.ts';
import { asLeatError } from '../../errors/leat-error.ts';
import type { ApiAccess } from '../../kube/access-files.ts';
import { createApiClient } from '../../kube/api-client.ts';
import { WATCH_TIMES, type WatchTimes } from '../../kube/watch-objects.ts';
import type { Labels } from '../../workload/match-labels.ts';
import type { SourceProblem } from '../source-problem.ts';
import { enrolledNamespaces, type NodeIdentity } from './enrolled-namespaces.ts';
import { AddressFilling } from './fill-addresses.ts';
import { type FollowedCniResults, followCniResults } from './follow-cni-results.ts';
import { GrantedSecrets } from './granted-secrets.ts';
import { NodeLabels } from './node-labels.ts';
import { ResourceStore } from './resource-store.ts';
import { secretsByLabel, secretsByName, type WantedSecrets } from './wanted-secrets.ts';
import { WatchGroup } from './watch-group.ts';
import { rolesNamed, watchedPaths } from './watched-paths.ts';

/** Events of one moment are one change; what a pod waits for its capture, at least. */
const COALESCE_MS = 10;
/** Compiling takes at most half of the one thread: DNS is answered on it too. */
const MAX_COALESCE_MS = 500;
/** So long the API server has to be out of reach until a start goes on from the disk. */
const SAVED_AFTER_MS = 5_000;
/** A start waits for Secrets as long as this: without them Destinations are there, but not ready. */
const SECRETS_WAIT_MS = 2_000;
const MAX_PROBLEMS = 200;

/** Resources as they were before a restart: without Secrets. */
export type SavedResources = Omit<ResourceSet, 'secrets' | 'refused'> & { readonly nodeLabels: Labels };

/** What can be said of the state that was delivered last. */
export interface SourceAge {
  /** Milliseconds since the epoch when the API server was heard last; null while it is heard; 0 for never. */
  readonly staleSinceMs: number | null;
}

export interface KubernetesSourceOptions {
  readonly access: ApiAccess;
  readonly node: NodeIdentity;
  /** Where the node's runtime leaves what the network gave each pod; null (the default): pods' addresses are the API server's alone. */
  readonly cniResultsDirectory?: string | null;
  /** Default `auto`. */
  readonly secretsBinding?: SecretsBinding;
  /** A new state, whole, of valid resources only; with the labels of this node. */
  readonly onChange: (set: ResourceSet, nodeLabels: Labels) => void;
  /** Everything that is wrong now; empty: nothing any more. */
  readonly onProblems: (problems: readonly SourceProblem[]) => void;
  /** Asked once, where the API server can't be reached at start. */
  readonly readSaved: () => Promise<SavedResources | null>;
  /** Default {@link WATCH_TIMES}. */
  readonly watchTimes?: WatchTimes;
}

export interface KubernetesSource {
  age(): SourceAge;
  /** Nothing is called any more from here on; resolves when nothing runs any more. */
  stop(): Promise<void>;
}

/** Follows the resources of a cluster, as far as they concern this node. */
export function startKubernetesSource(options: KubernetesSourceOptions): KubernetesSource {
  const source = new Source(options);
  return { age: () => source.age(), stop: () => source.stop() };
}

const NOTHING = { destinations: [], clusterDestinations: [], tunnels: [], destinationSources: [] };

type ClusterKind = Exclude<KindName, 'Secret'>;

/** The watch of the Roles that say which Secrets may be read. */
const GRANTS = 'Role';

class Source {
  readonly #options: KubernetesSourceOptions;
  readonly #client;
  readonly #watches: WatchGroup;
  readonly #nodeLabels = new NodeLabels(() => this.#schedule());
  readonly #stores: { readonly [K in ClusterKind]: ResourceStore<K> };
  readonly #secretsBinding: SecretsBinding;
  /** Null: where a namespace's Secrets can be read, all can. */
  readonly #granted: GrantedSecrets | null;
  /** By the names of their watches. */
  readonly #secrets = new Map<string, ResourceStore<'Secret'>>();
  readonly #cniResults: FollowedCniResults | null;
  readonly #filling: AddressFilling | null;
  readonly #ended = new AbortController();
  readonly #endings = new Set<Promise<void>>();
  readonly #started = performance.now();
  #timer: NodeJS.Timeout | null = null;
  #compileMs = 0;
  #compiledAtMs = 0;
  #newest: ResourceSet | null = null;
  #parts = '';
  #seeded = false;
  #nodeLabelsSaved: Labels | null = null;
  #secretsSinceMs: number | null = null;
  #problems = '[]';
  #refusal: string | null = null;
  #cniProblem: string | null = null;
  #secretLists: readonly (readonly Secret[])[] = [];
  #secretList: readonly Secret[] = Object.freeze([]);

  constructor(options: KubernetesSourceOptions) {
    this.#options = options;
    this.#client = createApiClient(options.access);
    const schedule = (): void => this.#schedule();
    this.#watches = new WatchGroup({
      client: this.#client,
      server: options.access.server,
      times: options.watchTimes ?? WATCH_TIMES,
      onChange: schedule,
    });
    this.#stores = {
      Namespace: new ResourceStore('Namespace', schedule),
      Pod: new ResourceStore('Pod', schedule),
      Service: new ResourceStore('Service', schedule),
      Destination: new ResourceStore('Destination', schedule),
      ClusterDestination: new ResourceStore('ClusterDestination', schedule),
      Tunnel: new ResourceStore('Tunnel', schedule),
      DestinationSource: new ResourceStore('DestinationSource', schedule),
      NodePolicy: new ResourceStore('NodePolicy', schedule),
    };
    for (const [name, watched] of Object.entries(watchedPaths(options.node.name))) {
      const store = name === 'Node' ? this.#nodeLabels : this.#stores[name as ClusterKind];
      const title = `watch of ${watched.path.slice(watched.path.lastIndexOf('/') + 1)}`;
      this.#watches.start(name, { ...watched, title, cure: clusterCure }, store);
    }
    this.#secretsBinding = options.secretsBinding ?? 'auto';
    this.#granted = this.#secretsBinding === 'manual' ? null : new GrantedSecrets(schedule);
    if (this.#granted !== null) {
      const roles = rolesNamed(this.#secretsBinding === 'auto' ? LABELLED_SECRETS_ROLE : RELEASED_SECRETS_ROLE);
      this.#watches.start(GRANTS, { ...roles, title: 'watch of roles', cure: clusterCure }, this.#granted);
    }
    this.#watchSecrets(this.#wantedSecrets(new Set([options.node.leatNamespace]), NOTHING));
    const { cniResultsDirectory = null } = options;
    const onCniProblem = (problem: Error | null): void => {
      const cure = 'until it can be read, pods are known a second after they start';
      this.#cniProblem = problem === null ? null : `results of CNI: ${problem.message}; ${cure}`;
      schedule();
    };
    this.#cniResults =
      cniResultsDirectory === null ? null : followCniResults(cniResultsDirectory, schedule, onCniProblem);
    this.#filling = this.#cniResults === null ? null : new AddressFilling(this.#cniResults);
    this.#track(this.#goOnFromDisk());
  }

  age(): SourceAge {
    // a server that hangs has not failed yet, but what is known is from the disk
    const isFromDisk = this.#seeded && !Object.keys(this.#stores).every((kind) => this.#watches.isKnown(kind));
    return { staleSinceMs: this.#watches.staleSinceMs ?? (isFromDisk ? 0 : null) };
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#cniResults?.stop();
    await this.#watches.stopAll();
    await Promise.all(this.#endings);
    await this.#client.close();
  }

  #schedule(): void {
    if (this.#timer !== null || this.#ended.signal.aborted) return;
    // after a long compile as much time for everything else; a change that comes alone does not wait for that
    const restMs = this.#compiledAtMs + this.#compileMs - performance.now();
    const waitMs = Math.min(MAX_COALESCE_MS, Math.max(COALESCE_MS, restMs));
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#flush();
      this.#tellProblems();
    }, waitMs);
  }

  #flush(): void {
    const known = Object.keys(this.#stores).every((kind) => this.#seeded || this.#watches.isKnown(kind));
    if (!known || !(this.#seeded || this.#watches.isKnown('Node'))) return;
    const { node, onChange } = this.#options;
    const labels = this.#watches.isKnown('Node') ? this.#nodeLabels.labels : (this.#nodeLabelsSaved ?? {});
    const cluster = {
      namespaces: this.#stores.Namespace.resources(),
      pods: this.#filling?.fill(this.#stores.Pod.resources()) ?? this.#stores.Pod.resources(),
      services: this.#stores.Service.resources(),
      destinations: this.#stores.Destination.resources(),
      clusterDestinations: this.#stores.ClusterDestination.resources(),
      tunnels: this.#stores.Tunnel.resources(),
      destinationSources: this.#stores.DestinationSource.resources(),
      nodePolicies: this.#stores.NodePolicy.resources(),
      refused: [
        ...this.#stores.Destination.refused(),
        ...this.#stores.ClusterDestination.refused(),
        ...this.#stores.DestinationSource.refused(),
      ],
    };
    this.#watchSecrets(this.#wantedSecrets(enrolledNamespaces(cluster, node, labels).add(node.leatNamespace), cluster));
    if (this.#newest === null && this.#awaitsSecrets()) return;
    const set = Object.freeze({ ...cluster, secrets: this.#allSecrets() });
    // a watch that fails or works again is no change
    const parts = JSON.stringify([set.refused, labels]);
    if (this.#newest !== null && parts === this.#parts && isSame(set, this.#newest)) return;
    this.#newest = set;
    this.#parts = parts;
    const startedMs = performance.now();
    try {
      onChange(set, labels);
      this.#refusal = null;
    } catch (error) {
      this.#refusal = `valid, but could not be taken over: ${asLeatError(error).message}`;
    }
    this.#compiledAtMs = performance.now();
    this.#compileMs = this.#compiledAtMs - startedMs;
  }

  /** The first state is to have its Secrets: to be refused for a moment is worse than to wait for it. */
  #awaitsSecrets(): boolean {
    this.#secretsSinceMs ??= performance.now();
    const leftMs = this.#secretsSinceMs + SECRETS_WAIT_MS - performance.now();
    const awaited = [...(this.#granted === null ? [] : [GRANTS]), ...this.#secrets.keys()];
    const waiting = awaited.some((name) => !this.#watches.isKnown(name) && !this.#watches.isFailing(name));
    if (!waiting || leftMs <= 0) return false;
    this.#track(sleep(leftMs, undefined, { signal: this.#ended.signal }).then(() => this.#schedule()));
    return true;
  }

  #wantedSecrets(namespaces: ReadonlySet<string>, resources: Parameters<typeof secretsByName>[2]) {
    const granted = this.#granted;
    return granted === null
      ? secretsByLabel(namespaces)
      : secretsByName(namespaces, this.#options.node.leatNamespace, resources, (namespace) => granted.names(namespace));
  }

  #watchSecrets(wanted: ReadonlyMap<string, WantedSecrets>): void {
    for (const [name, { namespace, ...watched }] of wanted) {
      if (this.#secrets.has(name)) continue;
      const store = new ResourceStore('Secret', () => this.#schedule());
      this.#secrets.set(name, store);
      this.#watches.start(name, { ...watched, cure: secretCure(namespace, this.#secretsBinding) }, store);
    }
    for (const name of this.#secrets.keys()) {
      if (wanted.has(name)) continue;
      this.#secrets.delete(name);
      this.#track(this.#watches.stop(name));
    }
  }

  /** The same list where none of its parts changed. */
  #allSecrets(): readonly Secret[] {
    const lists = [...this.#secrets.values()].map((store) => store.resources());
    const same = lists.length === this.#secretLists.length && lists.every((list, at) => list === this.#secretLists[at]);
    if (!same) this.#secretList = Object.freeze(lists.flat());
    this.#secretLists = lists;
    return this.#secretList;
  }

  async #goOnFromDisk(): Promise<void> {
    const leftMs = SAVED_AFTER_MS - (performance.now() - this.#started);
    await sleep(leftMs, undefined, { signal: this.#ended.signal });
    if (this.#newest !== null) return;
    const saved = await this.#options.readSaved();
    if (saved === null || this.#newest !== null || this.#ended.signal.aborted) return;
    const seed = <K extends ClusterKind>(kind: K, resources: Parameters<ResourceStore<K>['seed']>[0]): void => {
      if (!this.#watches.isKnown(kind)) (this.#stores[kind] as unknown as ResourceStore<K>).seed(resources);
    };
    seed('Namespace', saved.namespaces);
    seed('Pod', saved.pods);
    seed('Service', saved.services ?? []);
    seed('Destination', saved.destinations);
    seed('ClusterDestination', saved.clusterDestinations);
    seed('Tunnel', saved.tunnels);
    seed('DestinationSource', saved.destinationSources);
    seed('NodePolicy', saved.nodePolicies);
    this.#nodeLabelsSaved = saved.nodeLabels;
    this.#seeded = true;
    this.#schedule();
  }

  #tellProblems(): void {
    const own = [this.#refusal, this.#cniProblem].filter((reason) => reason !== null);
    const problems = [
      ...own.map((reason) => ({ file: '', line: null, resource: null, field: null, reason })),
      ...this.#watches.problems(),
      ...Object.values(this.#stores).flatMap((store) => store.problems()),
      ...[...this.#secrets.values()].flatMap((store) => store.problems()),
    ].slice(0, MAX_PROBLEMS);
    const told = JSON.stringify(problems);
    if (told === this.#problems) return;
    this.#problems = told;
    this.#options.onProblems(problems);
  }

  /** What runs on its own, until it ends; being stopped is its only failure. */
  #track(work: Promise<void>): void {
    const ending = work
      .catch((error: unknown) => {
        if (!this.#ended.signal.aborted) throw error;
      })
      .finally(() => this.#endings.delete(ending));
    this.#endings.add(ending);
  }
}

/** Whether the lists are the same ones; stores keep a list as long as nothing in it changes. */
function isSame(a: ResourceSet, b: ResourceSet): boolean {
  const { refused: _, ...lists } = a;
  return Object.entries(lists).every(([part, list]) => list === b[part as keyof ResourceSet]);
}

function clusterCure(status: number): string | null {
  if (status === 401) return 'the token of the service account is not accepted';
  if (status === 403) return 'the ClusterRole of the daemons lacks get, list or watch here';
  return status === 404 ? "the definition of this kind is missing: apply the chart's" : null;
}

function secretCure(namespace: string, binding: SecretsBinding): (status: number) => string | null {
  const lacks = (what: string): string =>
    `namespace ${namespace} has no RoleBinding of ${what} to the daemons' account`;
  const missing = {
    auto: `${lacks(`Role ${LABELLED_SECRETS_ROLE}`)}, which the controller makes`,
    names: `${lacks(`Role ${RELEASED_SECRETS_ROLE}`)}: kubectl leat release makes it`,
    manual: lacks(`ClusterRole ${SECRET_READER_ROLE}`),
  }[binding];
  return (status) => (status === 403 ? missing : clusterCure(status));
}
