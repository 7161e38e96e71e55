// SPDX-License-Identifier: Apache-2.0
/**
 * The relay engine: threads that accept, dial, and move bytes between two sockets with splice(2). It decides nothing: what
 * was accepted comes to TypeScript in batches, and what TypeScript decided goes back in batches. src/relay-engine.h has
 * the contract.
 */
import { type Endpoint, parseIpAddress } from '../net/endpoint.ts';
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
  dialRelay(
    engine: EngineHandle,
    id: number,
    downstreamFd: number,
    address: string,
    port: number,
    connectMs: number,
    script: Buffer | null,
    idleMs: number,
  ): void;
  flushRelays(engine: EngineHandle): void;
  takeRelayResults(engine: EngineHandle, results: Float64Array): number;
  listen(engine: EngineHandle, address: string, port: number, backlog: number): number;
  stopListening(engine: EngineHandle): void;
  takeAccepted(engine: EngineHandle, accepted: Float64Array): number;
  cutRelays(engine: EngineHandle): void;
  holdProcess(engine: EngineHandle, hold: boolean): void;
  stopRelayEngine(engine: EngineHandle): void;
  duplicateDescriptor(fd: number): number;
  resetDescriptor(fd: number): void;
}

const binding = loadBinding<Binding>();

/** How a relay ended, as `enum relay_end` has it. */
const RELAY_ENDS = [
  'closed',
  'downstreamLost',
  'upstreamLost',
  'idle',
  'cut',
  'dialFailed',
  'dialTimeout',
  'dialRefused',
] as const;

export interface NativeRelay {
  readonly downstreamFd: number;
  readonly upstreamFd: number;
  /** Bytes that were read already, by the side they came from; sent first. */
  readonly downstreamPrefix: Buffer | null;
  readonly upstreamPrefix: Buffer | null;
  readonly idleTimeoutMs: number;
}

export interface NativeDial extends Endpoint {
  readonly downstreamFd: number;
  readonly connectTimeoutMs: number;
  /** A hand-shake, as src/relay-dial.c describes it. */
  readonly script: Buffer | null;
  readonly idleTimeoutMs: number;
}

export interface NativeRelayResult {
  /** By the side they came from. */
  readonly downstreamBytes: number;
  readonly upstreamBytes: number;
  readonly end: (typeof RELAY_ENDS)[number];
  /** 0 where there was none. */
  readonly errno: number;
  /** After `dial...`: the downstream, untouched, the caller's again; else -1. */
  readonly returnedFd: number;
  /** Of the script; -1 is the connect. */
  readonly step: number;
  /** After `dialRefused`: up to six bytes of the answer. */
  readonly answer: Buffer | null;
}

export interface NativeAccepted {
  /** The receiver owns it; -1 where none was left, and the client was reset. */
  readonly fd: number;
  /** Of accept4(2) or SO_ORIGINAL_DST, 0 where there was none. */
  readonly errno: number;
  readonly peer: Endpoint | null;
  readonly originalDestination: Endpoint | null;
}

const RESULT_NUMBERS = 9;
const ENDPOINT_NUMBERS = 6;
const ACCEPTED_NUMBERS = 2 + 2 * ENDPOINT_NUMBERS;
const BATCH = 128;

/** One engine for the process; `start` and `dial` own the descriptors from the call on, also where they throw. */
export class RelayEngine {
  readonly #engine: EngineHandle;
  readonly #waiting = new Map<number, (result: NativeRelayResult) => void>();
  readonly #results = new Float64Array(RESULT_NUMBERS * BATCH);
  readonly #accepted = new Float64Array(ACCEPTED_NUMBERS * BATCH);
  readonly #onAccepted: (accepted: NativeAccepted) => void;
  #lastId = 0;
  #flushing = false;

  /** @throws NativeError: no threads or descriptors */
  constructor(threads: number, onAccepted: (accepted: NativeAccepted) => void = () => undefined) {
    this.#onAccepted = onAccepted;
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
    this.#flushSoon();
    return this.#resultOf(id);
  }

  /** Connects to the upstream, plays the script, relays. */
  dial(relay: NativeDial): Promise<NativeRelayResult> {
    const id = ++this.#lastId;
    const { downstreamFd, address, port, connectTimeoutMs, script, idleTimeoutMs } = relay;
    binding.dialRelay(this.#engine, id, downstreamFd, address, port, connectTimeoutMs, script, idleTimeoutMs);
    this.#flushSoon();
    return this.#resultOf(id);
  }

  /** Accepts connections from now on. @returns the port @throws NativeError EADDRINUSE, ... */
  listen({ address, port }: Endpoint, backlog: number): number {
    return binding.listen(this.#engine, address, port, backlog);
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
    this.#flushing = true;
  }

  /** Whoever waits for a result finds the process alive when it comes. */
  #resultOf(id: number): Promise<NativeRelayResult> {
    if (this.#waiting.size === 0) binding.holdProcess(this.#engine, true);
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  /** The engine is woken once for all that is decided in a turn of the event loop. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      binding.flushRelays(this.#engine);
    });
  }

  #deliver(): void {
    let more = true;
    while (more) {
      const results = binding.takeRelayResults(this.#engine, this.#results);
      for (let i = 0; i < results; i++) this.#deliverResult(i * RESULT_NUMBERS);
      const accepted = binding.takeAccepted(this.#engine, this.#accepted);
      for (let i = 0; i < accepted; i++) this.#deliverAccepted(i * ACCEPTED_NUMBERS);
      more = results === BATCH || accepted === BATCH;
    }
  }

  #deliverResult(at: number): void {
    const row = this.#results;
    const number = (index: number): number => row[at + index] ?? 0;
    const id = number(0);
    const resolve = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) binding.holdProcess(this.#engine, false);
    resolve?.({
      downstreamBytes: number(1),
      upstreamBytes: number(2),
      end: RELAY_ENDS[number(3)] ?? 'cut',
      errno: number(4),
      returnedFd: number(5),
      step: number(6),
      answer: number(7) > 0 ? answerOf(number(7), number(8)) : null,
    });
  }

  #deliverAccepted(at: number): void {
    this.#onAccepted({
      fd: this.#accepted[at] ?? -1,
      errno: this.#accepted[at + 1] ?? 0,
      peer: readEndpoint(this.#accepted, at + 2),
      originalDestination: readEndpoint(this.#accepted, at + 2 + ENDPOINT_NUMBERS),
    });
  }
}

function answerOf(length: number, number: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUIntBE(number, 0, length);
  return bytes;
}

/** Texts of addresses seen before: the same few pods and targets, over and over. */
const texts = new Map<number, string>();
const MOST_TEXTS = 4_096;

function readEndpoint(row: Float64Array, at: number): Endpoint | null {
  const family = row[at];
  const port = row[at + 1] ?? 0;
  if (family === 4) return { address: ipv4Text(row[at + 2] ?? 0), port };
  if (family !== 6) return null;
  const groups = [...row.subarray(at + 2, at + 6)].flatMap((word) => [Math.trunc(word / 0x10000), word % 0x10000]);
  const address = parseIpAddress(groups.map((group) => group.toString(16)).join(':'));
  return address === null ? null : { address, port };
}

function ipv4Text(word: number): string {
  let text = texts.get(word);
  if (text !== undefined) return text;
  if (texts.size >= MOST_TEXTS) texts.clear();
  text = `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
  texts.set(word, text);
  return text;
}

/** A second descriptor of the same socket, close-on-exec. @throws NativeError EMFILE, EBADF @see fcntl(2), F_DUPFD_CLOEXEC */
export function duplicateDescriptor(fd: number): number {
  return binding.duplicateDescriptor(fd);
}

/** Closes a socket so that its peer sees a reset. */
export function resetDescriptor(fd: number): void {
  binding.resetDescriptor(fd);
}
