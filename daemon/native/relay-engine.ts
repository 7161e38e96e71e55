// SPDX-License-Identifier: Apache-2.0
/**
 * The relay engine: threads that accept, dial, and move bytes between two sockets with splice(2). It decides nothing: what
 * was accepted comes to TypeScript in batches, and what TypeScript decided goes back in batches. src/relay-engine.h has
 * the contract.
 */
import type { Endpoint } from '../net/endpoint.ts';
import { atAddress } from './at-address.ts';
import { loadBinding } from './load.ts';
import { type NativeAccepted, type NativeDial, type NativeRelayResult, RelayRows } from './relay-rows.ts';

declare const handle: unique symbol;
type EngineHandle = { readonly [handle]: true };

interface Binding {
  startRelayEngine(
    threads: number,
    onEvents: () => void,
    results: Float64Array,
    accepted: Float64Array,
    dials: Float64Array,
    scripts: Buffer,
  ): EngineHandle;
  addRelay(
    engine: EngineHandle,
    id: number,
    downstreamFd: number,
    upstreamFd: number,
    downstreamPrefix: Buffer | null,
    upstreamPrefix: Buffer | null,
    idleMs: number,
  ): void;
  submitRelays(engine: EngineHandle): void;
  takeEvents(engine: EngineHandle): void;
  listen(engine: EngineHandle, address: string, port: number, backlog: number): number;
  stopListening(engine: EngineHandle): void;
  cutRelays(engine: EngineHandle): void;
  holdProcess(engine: EngineHandle, hold: boolean): void;
  stopRelayEngine(engine: EngineHandle): void;
  duplicateDescriptor(fd: number): number;
  resetDescriptor(fd: number): void;
}

const binding = loadBinding<Binding>();

export interface NativeRelay {
  readonly downstreamFd: number;
  readonly upstreamFd: number;
  /** Bytes that were read already, by the side they came from; sent first. */
  readonly downstreamPrefix: Buffer | null;
  readonly upstreamPrefix: Buffer | null;
  readonly idleTimeoutMs: number;
}

/**
 * Who waits for the end of a relay, once. An object: a function with what it closes over weighs twice as much, and connections
 * are open for long.
 */
export interface RelayWaiter {
  ended(result: NativeRelayResult): void;
}

/** One engine for the process; `start` and `dial` own the descriptors from the call on, also where they throw. */
export class RelayEngine {
  readonly #engine: EngineHandle;
  readonly #rows = new RelayRows();
  /** By the id of a relay; an id is free for the next one as soon as its relay has ended. */
  readonly #waiting: (RelayWaiter | null)[] = [];
  readonly #freeIds: number[] = [];
  readonly #onAccepted: (accepted: NativeAccepted) => void;
  #isSubmitting = false;
  #isStopped = false;

  /** @throws NativeError: no threads or descriptors */
  constructor(threads: number, onAccepted: (accepted: NativeAccepted) => void = () => undefined) {
    this.#onAccepted = onAccepted;
    const { results, accepted, dials, scripts } = this.#rows;
    this.#engine = binding.startRelayEngine(threads, () => this.#deliver(), results, accepted, dials, scripts);
  }

  /** Relays that are open. */
  get size(): number {
    return this.#waiting.length - this.#freeIds.length;
  }

  start(relay: NativeRelay, waiter: RelayWaiter): void {
    const { downstreamFd, upstreamFd, downstreamPrefix, upstreamPrefix, idleTimeoutMs } = relay;
    const id = this.#nextId;
    binding.addRelay(this.#engine, id, downstreamFd, upstreamFd, downstreamPrefix, upstreamPrefix, idleTimeoutMs);
    this.#waitFor(id, waiter);
    this.#submitSoon();
  }

  /** Connects to the upstream, plays the script, relays. */
  dial(dial: NativeDial, waiter: RelayWaiter): void {
    if (!this.#rows.hasRoomFor(dial)) binding.submitRelays(this.#engine);
    const id = this.#nextId;
    this.#rows.addDial(id, dial);
    this.#waitFor(id, waiter);
    this.#submitSoon();
  }

  /** Accepts connections from now on. @returns the port @throws NativeError EADDRINUSE, ... */
  listen(at: Endpoint, backlog: number): number {
    return atAddress(at, () => binding.listen(this.#engine, at.address, at.port, backlog));
  }

  /** Closes the listeners; what they still held is reset. */
  stopListening(): void {
    binding.stopListening(this.#engine);
  }

  /** Resets every relay that is open. */
  cut(): void {
    binding.cutRelays(this.#engine);
  }

  /** Ends the threads. What is open is reset and its result never comes: cut and wait first. */
  stop(): void {
    binding.stopRelayEngine(this.#engine);
    this.#isStopped = true;
  }

  get #nextId(): number {
    return this.#freeIds.at(-1) ?? this.#waiting.length;
  }

  /** Whoever waits for a result finds the process alive when it comes. */
  #waitFor(id: number, waiter: RelayWaiter): void {
    if (this.size === 0) binding.holdProcess(this.#engine, true);
    if (id < this.#waiting.length) this.#freeIds.pop();
    this.#waiting[id] = waiter;
  }

  /** The engine is woken once for all that is decided in a turn of the event loop. */
  #submitSoon(): void {
    if (this.#isSubmitting) return;
    this.#isSubmitting = true;
    setImmediate(() => {
      this.#isSubmitting = false;
      if (!this.#isStopped) binding.submitRelays(this.#engine);
    });
  }

  #deliver(): void {
    const isSubmitting = this.#isSubmitting;
    this.#isSubmitting = true;
    do {
      binding.takeEvents(this.#engine);
      this.#rows.eachResult((id, result) => this.#end(id, result));
      this.#rows.eachAccepted(this.#onAccepted);
      if (this.#isStopped) return;
      binding.submitRelays(this.#engine);
    } while (this.#rows.areFull);
    this.#isSubmitting = isSubmitting;
  }

  #end(id: number, result: NativeRelayResult): void {
    const waiter = this.#waiting[id];
    this.#waiting[id] = null;
    this.#freeIds.push(id);
    if (this.size === 0 && !this.#isStopped) binding.holdProcess(this.#engine, false);
    waiter?.ended(result);
  }
}

/** A second descriptor of the same socket, close-on-exec. @throws NativeError EMFILE, EBADF @see fcntl(2), F_DUPFD_CLOEXEC */
export function duplicateDescriptor(fd: number): number {
  return binding.duplicateDescriptor(fd);
}

/** Closes a socket so that its peer sees a reset. */
export function resetDescriptor(fd: number): void {
  binding.resetDescriptor(fd);
}
