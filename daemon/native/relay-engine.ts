// SPDX-License-Identifier: Apache-2.0
/** The relay engine: threads that move bytes between two sockets with splice(2). src/relay-engine.h has the contract. */
import { loadBinding } from './load.ts';

declare const handle: unique symbol;
type EngineHandle = { readonly [handle]: true };

interface Binding {
  startRelayEngine(threads: number, onResults: () => void): EngineHandle;
  addRelay(
    engine: EngineHandle,
    id: number,
    downstreamFd: number,
    upstreamFd: number,
    downstreamPrefix: Buffer | null,
    upstreamPrefix: Buffer | null,
    idleMs: number,
  ): void;
  takeRelayResults(engine: EngineHandle, results: Float64Array): number;
  cutRelays(engine: EngineHandle): void;
  stopRelayEngine(engine: EngineHandle): void;
  duplicateDescriptor(fd: number): number;
}

const binding = loadBinding<Binding>();

/** How a relay ended, as `enum relay_end` has it. */
const RELAY_ENDS = ['closed', 'downstreamLost', 'upstreamLost', 'idle', 'cut'] as const;

export interface NativeRelay {
  readonly downstreamFd: number;
  readonly upstreamFd: number;
  /** Bytes that were read already, by the side they came from; sent first. */
  readonly downstreamPrefix: Buffer | null;
  readonly upstreamPrefix: Buffer | null;
  readonly idleTimeoutMs: number;
}

export interface NativeRelayResult {
  /** By the side they came from. */
  readonly downstreamBytes: number;
  readonly upstreamBytes: number;
  readonly end: (typeof RELAY_ENDS)[number];
  /** 0 where there was none. */
  readonly errno: number;
}

const NUMBERS = 5;
const BATCH = 256;

/** One engine for the process; `start` owns both descriptors from the call on, also where it throws. */
export class RelayEngine {
  readonly #engine: EngineHandle;
  readonly #waiting = new Map<number, (result: NativeRelayResult) => void>();
  readonly #batch = new Float64Array(NUMBERS * BATCH);
  #lastId = 0;

  /** @throws NativeError: no threads or descriptors */
  constructor(threads: number) {
    this.#engine = binding.startRelayEngine(threads, () => this.#deliver());
  }

  /** Relays that are open. */
  get size(): number {
    return this.#waiting.size;
  }

  start(relay: NativeRelay): Promise<NativeRelayResult> {
    const id = ++this.#lastId;
    const { downstreamFd, upstreamFd, downstreamPrefix, upstreamPrefix, idleTimeoutMs } = relay;
    binding.addRelay(this.#engine, id, downstreamFd, upstreamFd, downstreamPrefix, upstreamPrefix, idleTimeoutMs);
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  /** Resets every relay that is open. */
  cut(): void {
    binding.cutRelays(this.#engine);
  }

  /** Ends the threads. What is open is reset and its result never comes: cut and wait first. */
  stop(): void {
    binding.stopRelayEngine(this.#engine);
  }

  #deliver(): void {
    for (;;) {
      const count = binding.takeRelayResults(this.#engine, this.#batch);
      for (let i = 0; i < count; i++) {
        const [id = 0, downstreamBytes = 0, upstreamBytes = 0, end = 0, errno = 0] = this.#batch.subarray(i * NUMBERS);
        const resolve = this.#waiting.get(id);
        this.#waiting.delete(id);
        resolve?.({ downstreamBytes, upstreamBytes, end: RELAY_ENDS[end] ?? 'cut', errno });
      }
      if (count < BATCH) return;
    }
  }
}

/** A second descriptor of the same socket, close-on-exec. @throws NativeError EMFILE, EBADF @see fcntl(2), F_DUPFD_CLOEXEC */
export function duplicateDescriptor(fd: number): number {
  return binding.duplicateDescriptor(fd);
}
