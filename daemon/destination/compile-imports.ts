// SPDX-License-Identifier: Apache-2.0
/** Entries that a DestinationSource imports: Destinations that nobody wrote, behind all that somebody did. */
import { DESTINATION_DEFAULTS } from '../../api/defaults.ts';
import { conditionReason } from '../errors/condition-reason.ts';
import { asLeatError, LeatError } from '../errors/leat-error.ts';
import type { ImportRule, SourceAccess } from './compile-source.ts';
import type { TunnelAccess } from './compile-tunnel.ts';
import type { Destination, ServiceImport } from './destination.ts';
import { findPortProblem } from './find-port-problem.ts';
import { findService } from './find-source.ts';
import type { HeldPlaces, Place } from './held-places.ts';
import { importOf, lookUpImported } from './look-up-import.ts';
import type { FetchedEntry, FetchedImport, ImportOf } from './service-entry.ts';
import { type EntryParts, useEntry } from './use-entry.ts';

export interface ImportContext {
  readonly tunnels: ReadonlyMap<string, TunnelAccess>;
  /** NodePolicy's host rules. */
  readonly mayClaim: (namespace: string, host: string) => { readonly allowed: boolean };
  /** All that there are: where nobody could use an entry, that is told. */
  readonly namespaces: readonly string[];
  readonly fetchedOf: ImportOf;
  readonly places: Pick<HeldPlaces, 'placeOf' | 'beginningWith'>;
}

export interface CompiledImports {
  readonly destinations: readonly Destination[];
  readonly reports: readonly ImportReport[];
  readonly problems: readonly { readonly source: string; readonly problem: LeatError }[];
}

/** What became of the entries that one source imports of one level. */
export interface ImportReport {
  readonly source: string;
  readonly level: ServiceImport['level'];
  /** Entries that the rules select. */
  readonly selected: number;
  readonly used: number;
  readonly isStale: boolean;
  readonly isCut: boolean;
  /** Names of the first that are used. */
  readonly sample: readonly string[];
  /** By reason. */
  readonly unused: readonly { readonly reason: string; readonly count: number; readonly sample: readonly string[] }[];
}

const MAX_SAMPLE = 5;
const LEVELS = ['instance', 'subaccount'] as const;

/** What has to be fetched for the imports of all sources. */
export function listImports(sources: ReadonlyMap<string, SourceAccess>): ServiceImport[] {
  return [...sources.values()].flatMap((source) => {
    const { resolved } = source;
    // Whose entries they would be, nobody has said where the source is for several tenants.
    return 'service' in resolved && source.tenants === null
      ? levelsOf(source).map((level) => importOf(resolved.service, level))
      : [];
  });
}

/** As the service itself, the instance before the subaccount. */
function levelsOf({ imports }: SourceAccess) {
  return LEVELS.filter((level) => imports.some((rule) => rule.level === level));
}

/**
 * Never throws: an entry that can't be used is counted with the reason, and those beside it are. Hosts of entries that can't
 * be read any more, one or all of them, are held.
 */
export function compileImports(sources: ReadonlyMap<string, SourceAccess>, context: ImportContext): CompiledImports {
  const destinations: Destination[] = [];
  const reports: ImportReport[] = [];
  const problems: { source: string; problem: LeatError }[] = [];
  const taken = new TakenHosts(context.namespaces);
  for (const source of sources.values()) {
    for (const level of levelsOf(source)) {
      const fetched = fetch(source, level, context.fetchedOf);
      if ('entries' in fetched) {
        reports.push(compileLevel(source, level, fetched, { ...context, taken }, destinations));
        continue;
      }
      // That of the source itself is told with it, and what is under way need not be told.
      if (fetched.isNews) problems.push({ source: source.name, problem: fetched.problem });
      destinations.push(...holdLevel(source, level, fetched.problem, { ...context, taken }));
    }
  }
  return { destinations, reports, problems };
}

function fetch(source: SourceAccess, level: Level, fetchedOf: ImportOf) {
  try {
    const fetched = fetchedOf(importOf(findService(source), level));
    if (fetched !== null) return 'problem' in fetched ? { problem: fetched.problem, isNews: true } : fetched;
    throw new LeatError('DESTINATION_ENTRY_PENDING', `the entries of "${source.name}" are not fetched yet`);
  } catch (error) {
    return { problem: asLeatError(error), isNews: false };
  }
}

type Level = ServiceImport['level'];
type LevelContext = ImportContext & { readonly taken: TakenHosts };

/** What was there before, refused: nothing says that it is not there any more. */
function holdLevel(source: SourceAccess, level: Level, problem: LeatError, context: LevelContext): Destination[] {
  return context.places.beginningWith(importedId(source, level, '')).flatMap(({ rest: name, place }) => {
    const rule = source.imports.find((one) => one.level === level && one.selects(name));
    if (rule === undefined) return [];
    return compileEntry(source, level, name, { problem, place }, rule, context).destination ?? [];
  });
}

function importedId({ name: source }: SourceAccess, level: Level, name: string): string {
  return `DestinationSource ${source}/${level}/${name}`;
}

function compileLevel(
  source: SourceAccess,
  level: Level,
  { entries, isStale, isCut }: Exclude<FetchedImport, { problem: LeatError }>,
  context: LevelContext,
  destinations: Destination[],
): ImportReport {
  const sample: string[] = [];
  const unused = new Map<string, { count: number; sample: string[] }>();
  let selected = 0;
  let used = 0;
  for (const { name, fetched } of [...entries].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const rule = source.imports.find((one) => one.level === level && one.selects(name));
    if (rule === undefined) continue;
    selected += 1;
    const { destination, reason } = compileEntry(source, level, name, fetched, rule, context);
    if (destination !== null) destinations.push(destination);
    if (reason === null) {
      used += 1;
      if (sample.length < MAX_SAMPLE) sample.push(name);
      continue;
    }
    const one = unused.get(reason) ?? { count: 0, sample: [] };
    unused.set(reason, one);
    one.count += 1;
    if (one.sample.length < MAX_SAMPLE) one.sample.push(name);
  }
  const byReason = [...unused].sort(([a], [b]) => (a < b ? -1 : 1)).map(([reason, one]) => ({ reason, ...one }));
  return { source: source.name, level, selected, used, isStale, isCut, sample, unused: byReason };
}

interface CompiledEntry {
  /** Also of one that can't be used, but has a host: what is sent there is refused with the reason, never sent without. */
  readonly destination: Destination | null;
  /** Null: it is used. */
  readonly reason: string | null;
}

function compileEntry(
  source: SourceAccess,
  level: Level,
  name: string,
  fetched: FetchedEntry,
  rule: ImportRule,
  { tunnels, mayClaim, taken, namespaces, places }: LevelContext,
): CompiledEntry {
  const from = { name, level };
  const id = importedId(source, level, name);
  if (!source.allowsSomebody(from)) return unusedFor('NotAllowed');
  const parts = partsOf(source, level, name, fetched, places.placeOf(id), tunnels);
  if ('problem' in parts) return unusedFor(conditionReason(parts.problem.code));
  // Hosts of entries are written by who keeps the subaccount, not by who administers the cluster: a name is claimed for
  // each namespace that would have it, and rules against that hold.
  const admits = (namespace: string): boolean =>
    source.allows(namespace, from) && parts.hosts.every((host) => mayClaim(namespace, host).allowed);
  if (!namespaces.some(admits) && namespaces.some((namespace) => source.allows(namespace, from))) {
    return unusedFor('HostNotAllowed');
  }
  const destination: Destination = {
    id,
    namespace: null,
    admitsNamespace: admits,
    overridable: true,
    isImported: true,
    createdAtMs: Number.MAX_SAFE_INTEGER,
    paths: ['/'],
    addresses: DESTINATION_DEFAULTS.addresses,
    idleTimeoutMs: DESTINATION_DEFAULTS.idleMs,
    retries: { count: DESTINATION_DEFAULTS.retryCount, statuses: DESTINATION_DEFAULTS.retryStatuses },
    workloads: { matchesLabels: null, serviceAccounts: null },
    allowCleartext: rule.allowCleartext,
    ...parts,
  };
  if (!taken.take(destination)) return unusedFor('HostTaken');
  const problem = destination.ports.map((port) => findPortProblem(destination, port)).find((one) => one !== null);
  return { destination, reason: problem === undefined ? null : conditionReason(problem.code) };
}

function unusedFor(reason: string): CompiledEntry {
  return { destination: null, reason };
}

/** @param known where the entry was before, for one that does not say any more where it is */
function partsOf(
  source: SourceAccess,
  level: Level,
  name: string,
  fetched: FetchedEntry,
  known: Place | null,
  tunnels: ImportContext['tunnels'],
): EntryParts | { readonly problem: LeatError } {
  if ('problem' in fetched) {
    const { problem, place = known } = fetched;
    return place === null ? { problem } : refusedAt(place, problem);
  }
  const { entry } = fetched;
  const hosts = [entry.host];
  try {
    const lookup = lookUpImported(importOf(findService(source), level), name);
    return useEntry(entry, { hosts, timeouts: {}, lookup, actions: null }, source, null, tunnels);
  } catch (error) {
    return refusedAt({ hosts, ports: entry.ports }, asLeatError(error));
  }
}

function refusedAt(place: Place, problem: LeatError): EntryParts {
  return {
    ...place,
    headers: [],
    queries: [],
    connectTimeoutMs: DESTINATION_DEFAULTS.connectMs,
    responseTimeoutMs: DESTINATION_DEFAULTS.responseMs,
    resolved: { ready: false, problem },
  };
}

/** Of two entries for one host and port the first is used; the other would never be chosen where the first one is. */
class TakenHosts {
  readonly #namespaces: readonly string[];
  readonly #byPlace = new Map<string, Destination[]>();

  constructor(namespaces: readonly string[]) {
    this.#namespaces = namespaces;
  }

  /** @returns whether there is a namespace in which it is the first */
  take(destination: Destination): boolean {
    const [host] = destination.hosts;
    const places = destination.ports.map(({ port }) => `${host}:${port}`);
    const isFirst = places.some((place) => {
      const before = this.#byPlace.get(place) ?? [];
      return (
        before.length === 0 ||
        this.#namespaces.some(
          (namespace) =>
            destination.admitsNamespace(namespace) && !before.some((one) => one.admitsNamespace(namespace)),
        )
      );
    });
    if (!isFirst) return false;
    for (const place of places) this.#byPlace.set(place, [...(this.#byPlace.get(place) ?? []), destination]);
    return true;
  }
}
