// SPDX-License-Identifier: Apache-2.0
import { HeldPlaces, type Place } from '../destination/held-places.ts';
import type { ResourceProblem } from './snapshot.ts';

type Report = (problem: ResourceProblem) => void;

const NO_PROBLEMS: readonly ResourceProblem[] = Object.freeze([]);

interface Kept {
  readonly inputs: readonly unknown[];
  readonly value: unknown;
  readonly problems: readonly ResourceProblem[];
}

/**
 * What was compiled last, by the identity of everything that it was compiled from: with ten thousand Destinations, a pod
 * that comes must not compile one of them again. Nothing but time depends on what is kept, which are results of pure
 * functions, with the problems that they reported. What is held does matter: hosts that were read once are not let go.
 */
export class CompileMemory {
  readonly places: HeldPlaces;
  #before = new Map<string, Kept>();
  #now = new Map<string, Kept>();
  readonly #ofResources = new WeakMap<object, Kept>();
  #lastInputs: readonly unknown[] = [];

  /** @param places held before a restart; default none */
  constructor(places?: ReadonlyMap<string, Place>) {
    this.places = new HeldPlaces(places);
  }

  /** A new snapshot begins. */
  begin(): void {
    this.#before = this.#now;
    this.#now = new Map();
  }

  /** The snapshot is made: what it did not ask for is forgotten, so that nothing is there twice. */
  end(): void {
    this.#before = new Map();
    this.places.end();
  }

  /**
   * The result of a stage, made anew if one of its inputs is another than in the snapshot before.
   *
   * @param make is given what the stage gave before, where there is any
   * @param isFinal whether the result depends on nothing but the inputs; default true
   */
  keep<T>(
    stage: string,
    inputs: readonly unknown[],
    report: Report,
    make: (report: Report, before: T | null) => T,
    isFinal: (value: T) => boolean = () => true,
  ): T {
    const kept = this.#before.get(stage);
    const before = (kept?.value ?? null) as T | null;
    const valid =
      kept !== undefined && areSame(kept.inputs, inputs) ? kept : run(inputs, (reportOne) => make(reportOne, before));
    if (isFinal(valid.value as T)) this.#now.set(stage, valid);
    for (const problem of valid.problems) report(problem);
    return valid.value as T;
  }

  /** What a resource was compiled to; `make` says whether that may be kept. */
  ofResource<T>(
    resource: object,
    inputs: readonly unknown[],
    report: Report,
    make: (report: Report) => { readonly value: T; readonly keep: boolean },
  ): T {
    const kept = this.#ofResources.get(resource);
    if (kept !== undefined && areSame(kept.inputs, inputs)) {
      for (const problem of kept.problems) report(problem);
      return kept.value as T;
    }
    const made = run(inputs, make);
    const { value, keep } = made.value as { readonly value: T; readonly keep: boolean };
    if (keep) this.#ofResources.set(resource, { ...made, inputs: this.#sharedInputs(made.inputs), value });
    else this.#ofResources.delete(resource);
    for (const problem of made.problems) report(problem);
    return value;
  }

  /** Resources of one namespace have the same inputs, and come one after the other. */
  #sharedInputs(inputs: readonly unknown[]): readonly unknown[] {
    if (!areSame(this.#lastInputs, inputs)) this.#lastInputs = inputs;
    return this.#lastInputs;
  }
}

function run<T>(inputs: readonly unknown[], make: (report: Report) => T): Kept {
  const problems: ResourceProblem[] = [];
  const value = make((problem) => problems.push(problem));
  return { inputs, value, problems: problems.length > 0 ? problems : NO_PROBLEMS };
}

function areSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((input, at) => Object.is(input, b[at]));
}
