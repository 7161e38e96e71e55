// SPDX-License-Identifier: Apache-2.0

import type { ApiClient } from '../../kube/api-client.ts';
import { type ReflectedStore, type Reflector, type ReflectorFailure, startReflector } from '../../kube/reflector.ts';
import { ServerProbe } from '../../kube/server-probe.ts';
import type { WatchTimes } from '../../kube/watch-objects.ts';
import type { SourceProblem } from '../source-problem.ts';
import type { WatchedPath } from './watched-paths.ts';

/** One failure alone is the everyday end of a connection. */
const TELL_AFTER_TIMES = 2;
/** A server that starts answers 404 until it has read its definitions: it is believed when it says so for a while. */
const ABSENT_AFTER_TIMES = 4;

interface Member {
  readonly reflector: Reflector;
  readonly cure: (status: number) => string | null;
  readonly title: string;
  synced: boolean;
  failure: ReflectorFailure | null;
  contactMs: number | null;
}

export interface WatchGroupOptions {
  readonly client: ApiClient;
  readonly server: string;
  readonly times: WatchTimes;
  /** A member became known, fails, or works again. */
  readonly onChange: () => void;
}

/** The reflectors of a source, by name: what each is at, and that all try again when the server is back. */
export class WatchGroup {
  readonly #options: WatchGroupOptions;
  readonly #members = new Map<string, Member>();
  readonly #probe: ServerProbe;

  constructor(options: WatchGroupOptions) {
    this.#options = options;
    this.#probe = new ServerProbe({
      client: options.client,
      wake: (name) => this.#members.get(name)?.reflector.wake(),
    });
  }

  /**
   * @param title what people read: `Secrets of namespace shop`
   * @param cure what to do about an HTTP status, where that is known
   */
  start(
    name: string,
    { title, cure, ...watched }: WatchedPath & { readonly title: string; readonly cure: Member['cure'] },
    store: ReflectedStore,
  ): void {
    const { client, times, onChange } = this.#options;
    const reflector = startReflector({
      ...watched,
      times,
      client,
      store,
      onSynced: () => {
        member.synced = true;
        onChange();
      },
      onFailure: (failure) => {
        member.failure = failure;
        this.#probe.note(name, failure);
        onChange();
      },
      onContact: () => {
        member.contactMs = Date.now();
      },
    });
    const member: Member = { reflector, title, cure, synced: false, failure: null, contactMs: null };
    this.#members.set(name, member);
  }

  has(name: string): boolean {
    return this.#members.has(name);
  }

  stop(name: string): Promise<void> {
    const member = this.#members.get(name);
    this.#members.delete(name);
    this.#probe.forget(name);
    return member?.reflector.stop() ?? Promise.resolve();
  }

  async stopAll(): Promise<void> {
    await Promise.all([this.#probe.stop(), ...[...this.#members.keys()].map((name) => this.stop(name))]);
  }

  /** Whether what it holds is a whole state, be it that the server does not know the kind. */
  isKnown(name: string): boolean {
    const member = this.#members.get(name);
    if (member === undefined) return false;
    return member.synced || (member.failure?.status === 404 && member.failure.times >= ABSENT_AFTER_TIMES);
  }

  isFailing(name: string): boolean {
    return this.#members.get(name)?.failure != null;
  }

  /**
   * When the server was heard last, by the one that has not heard it for longest; null while none fails, 0 where none ever
   * heard it. A refusal from the start is a problem, but nothing that was known grows old by it.
   */
  get staleSinceMs(): number | null {
    const failing = [...this.#members.values()].filter(isLasting);
    const heard = failing.flatMap(({ contactMs }) => contactMs ?? []);
    if (heard.length > 0) return Math.min(...heard);
    return failing.some(isUnreachable) ? 0 : null;
  }

  /** One line for a server that can't be reached, and one for each refusal. */
  problems(): SourceProblem[] {
    const lasting = [...this.#members.values()].filter(isLasting);
    const unreachable = lasting.find(isUnreachable);
    return [
      ...(unreachable === undefined
        ? []
        : [
            problemOf(
              `API server ${this.#options.server}`,
              `does not answer as it should: ${unreachable.failure?.message}`,
            ),
          ]),
      ...lasting.flatMap(({ title, cure, failure }) => {
        if (failure === null || failure.status === null) return [];
        const advice = cure(failure.status);
        return [problemOf(title, `${failure.status}: ${failure.message}${advice === null ? '' : `; ${advice}`}`)];
      }),
    ];
  }
}

function isLasting({ failure }: Member): boolean {
  return failure !== null && failure.times >= TELL_AFTER_TIMES;
}

function isUnreachable({ failure }: Member): boolean {
  return failure !== null && failure.status === null;
}

function problemOf(resource: string, reason: string): SourceProblem {
  return { file: '', line: null, resource, field: null, reason };
}
