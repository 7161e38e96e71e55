// SPDX-License-Identifier: Apache-2.0
/**
 * The HTTP engine: sockets whose heads come here in batches and whose bodies move without JavaScript. It decides nothing.
 * src/http-engine.h has the contract, of which this is the other end; everything runs on Node's own loop.
 */
import { loadBinding } from './load.ts';

declare const handle: unique symbol;
type EngineHandle = { readonly [handle]: true };

interface Binding {
  openHttpEngine(
    onReady: () => void,
    rows: Float64Array,
    commands: Float64Array,
    inbox: Uint8Array,
    outbox: Uint8Array,
    headerMs: number,
    keepAliveMs: number,
  ): EngineHandle;
  turnHttp(engine: EngineHandle, commands: number, expires: boolean): number;
  adoptHttp(engine: EngineHandle, fd: number, isUpstream: boolean): number;
  adoptHttpPair(engine: EngineHandle, numbers: Float64Array): number;
  feedHttp(engine: EngineHandle, slot: number, key: number, bytes: Uint8Array, isEmpty: boolean): boolean;
  releaseHttp(engine: EngineHandle, slot: number, numbers: Float64Array): Buffer;
  closeHttpEngine(engine: EngineHandle): void;
}

const binding = loadBinding<Binding>();

/** What a row tells; `enum http_row` says what its numbers are. `asked` is this file's own: see {@link HttpEngine.askAhead}. */
export const ROW = { head: 1, odd: 2, ended: 3, done: 4, failed: 5, late: 6, gone: 7, asked: 8 } as const;
/** Who was waited for too long. */
export const WAIT = {
  request: 0,
  head: 1,
  clientBody: 2,
  answer: 3,
  upstreamBody: 4,
  reader: 5,
  use: 6,
} as const;
/** Sides of an exchange, as `failed` has them. */
export const SIDE = { downstream: 0, upstream: 1 } as const;
/** Where a body ends. */
export const FRAMING = { none: 0, length: 1, chunked: 2, untilEnd: 3 } as const;
export type Framing = (typeof FRAMING)[keyof typeof FRAMING];

export interface Body {
  readonly framing: Framing;
  /** Of `length`; else 0. */
  readonly bytes: number;
}

export interface HttpEngineOptions {
  /** Deadlines are looked at four times a second: they may be told half a second late. */
  readonly headerTimeoutMs: number;
  readonly keepAliveMs: number;
  /** Called for each row, in order. Heads stand in the inbox until it returns. */
  readonly onRow: (row: number, slot: number, a: number, b: number, c: number, d: number) => void;
}

/** An upstream leg that ends in this process. */
export interface LegPair {
  readonly slot: number;
  /** The other end. */
  readonly fd: number;
  /** Tells the leg from later ones with its slot. */
  readonly key: number;
}

export interface ReleasedLeg {
  readonly fd: number;
  /** Read, and not used. */
  readonly rest: Buffer;
  readonly readBytes: number;
  readonly writtenBytes: number;
}

const ROW_NUMBERS = 6;
const MOST_ROWS = 8_192;
const COMMAND_NUMBERS = 9;
const MOST_COMMANDS = 2_048;
const INBOX_BYTES = 1024 * 1024;
const OUTBOX_BYTES = 1024 * 1024;
/** Turns that follow on each other before the rest of the process has its turn. */
const MOST_TURNS = 8;
const TICK_MS = 250;
const COMMAND = { ask: 1, answer: 2, interim: 3, refuse: 4, reset: 5, close: 6, end: 7, rest: 8 } as const;
const NOTHING = new Uint8Array(0);
const NOBODY: readonly number[] = [];
const NO_BODY: Body = { framing: FRAMING.none, bytes: 0 };

type Command = readonly [
  kind: number,
  slot: number,
  peer: number,
  head: Uint8Array,
  body: Body,
  first: number,
  second: number,
  tells: boolean,
];

/** One for the process. */
export class HttpEngine {
  readonly #engine: EngineHandle;
  readonly #rows = new Float64Array(1 + MOST_ROWS * ROW_NUMBERS);
  readonly #commands = new Float64Array(MOST_COMMANDS * COMMAND_NUMBERS);
  readonly #inbox = Buffer.alloc(INBOX_BYTES);
  readonly #outbox = Buffer.alloc(OUTBOX_BYTES);
  /** What native functions answer beside their result. */
  readonly #numbers = new Float64Array(3);
  readonly #onRow: HttpEngineOptions['onRow'];
  /** Commands that had no room: they follow in the next turn. */
  #later: Command[] = [];
  /** Slots whose command is among those of the next turn, and who are told behind it. */
  #asked: number[] = [];
  #commandCount = 0;
  #outboxUsed = 0;
  #running = false;
  #isFed = false;
  #scheduled = false;
  #isClosed = false;
  #clock: NodeJS.Timeout | undefined;
  #legs = 0;

  /** @throws NativeError: no descriptors or memory */
  constructor({ headerTimeoutMs, keepAliveMs, onRow }: HttpEngineOptions) {
    this.#onRow = onRow;
    this.#engine = binding.openHttpEngine(
      () => this.#run(),
      this.#rows,
      this.#commands,
      this.#inbox,
      this.#outbox,
      headerTimeoutMs,
      keepAliveMs,
    );
  }

  /** Whether the head that a row tells of is these bytes. */
  isHead(offset: number, length: number, bytes: Buffer): boolean {
    return length === bytes.length && this.#inbox.compare(bytes, 0, length, offset, offset + length) === 0;
  }

  /** The head that a row tells of, in Latin-1. */
  headText(offset: number, length: number): string {
    return this.#inbox.toString('latin1', offset, offset + length);
  }

  /** Takes a connection over. Its slot; null: no memory, and it is still the caller's. */
  adopt(fd: number, side: 'downstream' | 'upstream'): number | null {
    return this.#note(binding.adoptHttp(this.#engine, fd, side === 'upstream'));
  }

  /** An upstream leg that ends in this process: its other end is a socket that the caller owns. Null: no descriptors, or no memory. */
  adoptPair(): LegPair | null {
    const slot = this.#note(binding.adoptHttpPair(this.#engine, this.#numbers));
    const [fd = -1, key = 0] = this.#numbers;
    return slot === null ? null : { slot, fd, key };
  }

  /**
   * Gives bytes to the leg of a pair without its sockets. False where they have to go that way: something is in there
   * (`isEmpty`: nothing can be), or the leg has enough for now, or is no more.
   */
  feed({ slot, key }: LegPair, bytes: Uint8Array, isEmpty: boolean): boolean {
    if (this.#isClosed || !binding.feedHttp(this.#engine, slot, key, bytes, isEmpty)) return false;
    if (this.#isFed) return true;
    this.#isFed = true;
    // Behind all that the loop has to tell now: the legs that were fed meanwhile have their turn together.
    setImmediate(() => {
      this.#isFed = false;
      this.#run();
    });
    return true;
  }

  /** Gives a downstream leg back, of which no request went upstream since its last answer. @throws NativeError EINVAL for others */
  release(slot: number): ReleasedLeg {
    const rest = binding.releaseHttp(this.#engine, slot, this.#numbers);
    this.forget();
    const [fd = -1, readBytes = 0, writtenBytes = 0] = this.#numbers;
    return { fd, rest, readBytes, writtenBytes };
  }

  /** Sends a request: its head, and its body as it comes. */
  ask(slot: number, upstream: number, head: Uint8Array, body: Body, answerMs: number, pieceMs: number): void {
    this.#command(COMMAND.ask, slot, upstream, head, body, answerMs, pieceMs);
  }

  /**
   * As `ask`, of a request without a body whose head goes up past the leg. A row `asked` says when: the leg waits for the answer
   * by then, or a row before it told that it can't.
   */
  askAhead(slot: number, upstream: number, answerMs: number, pieceMs: number): void {
    this.#command(COMMAND.ask, slot, upstream, NOTHING, NO_BODY, answerMs, pieceMs, true);
  }

  /** Sends the answer of the upstream down. `last`: nothing follows it. */
  answer(slot: number, head: Uint8Array, body: Body, last: boolean, pieceMs: number): void {
    this.#command(COMMAND.answer, slot, 0, head, body, last ? 1 : 0, pieceMs);
  }

  /** Sends a head that is not the answer yet. */
  interim(slot: number, head: Uint8Array): void {
    this.#command(COMMAND.interim, slot, 0, head, NO_BODY, 0, 0);
  }

  /** Sends an answer of our own; `body` is the request's, which is dropped. */
  refuse(slot: number, answer: Uint8Array, body: Body, last: boolean, pieceMs: number): void {
    this.#command(COMMAND.refuse, slot, 0, answer, body, last ? 1 : 0, pieceMs);
  }

  /** `upstream`: its slot is nobody's from now on. A downstream's is until `gone` was told. */
  reset(slot: number, side: 'downstream' | 'upstream'): void {
    this.#command(COMMAND.reset, slot, 0, NOTHING, NO_BODY, 0, 0);
    if (side === 'upstream') this.forget();
  }

  /** An upstream leg, in order. */
  close(slot: number): void {
    this.#command(COMMAND.close, slot, 0, NOTHING, NO_BODY, 0, 0);
    this.forget();
  }

  /** A downstream leg, in order. */
  end(slot: number): void {
    this.#command(COMMAND.end, slot, 0, NOTHING, NO_BODY, 0, 0);
  }

  /** How long an upstream leg may wait for its next request. */
  rest(slot: number, idleMs: number): void {
    this.#command(COMMAND.rest, slot, 0, NOTHING, NO_BODY, idleMs, 0);
  }

  /** A leg is no more: to be called once for each `gone`. */
  forget(): void {
    this.#legs -= 1;
    if (this.#legs > 0) return;
    clearInterval(this.#clock);
    this.#clock = undefined;
  }

  /** Carries out what was commanded, and resets everything that is left. */
  shut(): void {
    if (this.#isClosed) return;
    this.#run();
    this.#isClosed = true;
    clearInterval(this.#clock);
    binding.closeHttpEngine(this.#engine);
  }

  #note(slot: number): number | null {
    if (slot < 0) return null;
    this.#legs += 1;
    // Behind what the loop has to tell: TLS may have read in this very turn of it what is waited for.
    this.#clock ??= setInterval(() => setImmediate(() => this.#run(true)), TICK_MS);
    return slot;
  }

  #command(
    kind: number,
    slot: number,
    peer: number,
    head: Uint8Array,
    body: Body,
    first: number,
    second: number,
    tells = false,
  ): void {
    const hasRoom = this.#commandCount < MOST_COMMANDS && this.#outboxUsed + head.length <= OUTBOX_BYTES;
    if (!hasRoom || this.#later.length > 0) {
      this.#later.push([kind, slot, peer, Uint8Array.from(head), body, first, second, tells]);
      this.#runSoon();
      return;
    }
    const row = this.#commands;
    const at = this.#commandCount * COMMAND_NUMBERS;
    this.#commandCount += 1;
    row[at] = kind;
    row[at + 1] = slot;
    row[at + 2] = peer;
    row[at + 3] = this.#outboxUsed;
    row[at + 4] = head.length;
    row[at + 5] = body.framing;
    row[at + 6] = body.bytes;
    row[at + 7] = first;
    row[at + 8] = second;
    if (head.length > 0) {
      this.#outbox.set(head, this.#outboxUsed);
      this.#outboxUsed += head.length;
    }
    if (tells) this.#asked.push(slot);
    this.#runSoon();
  }

  /** What is decided outside of a turn goes out together, behind all that was resolved with it. */
  #runSoon(): void {
    if (this.#running || this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(() => {
      this.#scheduled = false;
      this.#run();
    });
  }

  /** `expires`: for too long a wait, too. */
  #run(expires = false): void {
    if (this.#running || this.#isClosed) return;
    this.#running = true;
    let hasMore = true;
    try {
      for (let turns = 0; hasMore && turns < MOST_TURNS && !this.#isClosed; turns++)
        hasMore = this.#turn(expires && turns === 0);
    } finally {
      this.#running = false;
    }
    if (hasMore && !this.#isClosed) setImmediate(() => this.#run());
  }

  #turn(expires: boolean): boolean {
    const count = binding.turnHttp(this.#engine, this.#commandCount, expires);
    this.#commandCount = 0;
    this.#outboxUsed = 0;
    const asked = this.#asked.length > 0 ? this.#asked : NOBODY;
    if (asked !== NOBODY) this.#asked = [];
    const later = this.#later;
    if (later.length > 0) {
      this.#later = [];
      for (const command of later) this.#command(...command);
    }
    const rows = this.#rows;
    for (let i = 0, at = 1; i < count; i++, at += ROW_NUMBERS) {
      this.#onRow(
        rows[at] as number,
        rows[at + 1] as number,
        rows[at + 2] as number,
        rows[at + 3] as number,
        rows[at + 4] as number,
        rows[at + 5] as number,
      );
    }
    for (const slot of asked) this.#onRow(ROW.asked, slot, 0, 0, 0, 0);
    return rows[0] === 1 || this.#commandCount > 0 || this.#later.length > 0;
  }
}
