// SPDX-License-Identifier: Apache-2.0
import { randomInt } from 'node:crypto';
import { asLeatError, LeatError } from '../errors/leat-error.ts';
import { withDeadline } from '../net/deadline.ts';
import { type Endpoint, formatEndpoint } from '../net/endpoint.ts';
import type { UdpAsker } from './ask-over-udp.ts';
import { AT, CLASS_IN, FLAG, HEADER_BYTES, RCODE, TYPE } from './message.ts';
import type { OnOutcome } from './outcome.ts';

/** The dead man's switch of DNS capture: while beats come, queries are captured; without, they pass by. */
export interface Heartbeat {
  /** False: no beat, for what the daemon would answer is not known yet. */
  ready(): boolean;
  /** Renews the entry that the rules need. */
  beat(): Promise<void>;
  /** Takes the entry away at stop, so that no query waits for its timeout. Default: nothing is done. */
  end?(): Promise<void>;
  /** Default 3000: three beats within the 9 s after which the entry expires. */
  readonly intervalMs?: number;
}

const DEFAULT_INTERVAL_MS = 3000;
/** Readiness is looked at more often than beats are due, so that capture begins soon after it. */
const READY_POLL_MS = 100;

export interface KeepAliveOptions {
  /** What is served: each has to answer. */
  readonly addresses: readonly Endpoint[];
  /** What they are asked for. */
  readonly name: string;
  /** Asks them, and is stopped at the end. */
  readonly asker: UdpAsker;
  readonly heartbeat: Heartbeat;
  /** @throws NOT_READY for a reason that no answer shows */
  readonly assertWorks: () => void;
  readonly onOutcome: OnOutcome;
}

/**
 * Beats at once and then in intervals, each time only after every address answered a query over a real socket: timers of
 * a loop that hangs do not run, and a loop that runs but does not answer gets no beat; nor does one for which `assertWorks`
 * throws. What hangs costs one beat at most.
 * Returns the function that ends it, which waits for a beat that is under way.
 */
export function keepAlive(options: KeepAliveOptions): () => Promise<void> {
  const { heartbeat, asker, onOutcome } = options;
  const intervalMs = heartbeat.intervalMs ?? DEFAULT_INTERVAL_MS;
  let stopped = false;
  let timer: NodeJS.Timeout;
  let running: Promise<void> = Promise.resolve();
  const tick = async (): Promise<void> => {
    const startedMs = performance.now();
    const isReady = heartbeat.ready();
    if (isReady) {
      await beatOnce(options, intervalMs / 3).catch((cause: unknown) => {
        if (!stopped) onOutcome('silent', 'udp', asLeatError(cause));
      });
    }
    if (stopped) return;
    const pauseMs = isReady ? intervalMs - (performance.now() - startedMs) : Math.min(READY_POLL_MS, intervalMs);
    schedule(Math.max(0, pauseMs));
  };
  const schedule = (delayMs: number): void => {
    timer = setTimeout(() => {
      running = tick();
    }, delayMs);
  };
  schedule(0);
  return async () => {
    clearTimeout(timer);
    stopped = true;
    asker.stop(new LeatError('DRAINED', 'the DNS server stops'));
    await running;
  };
}

async function beatOnce(
  { addresses, name, asker, heartbeat, assertWorks }: KeepAliveOptions,
  deadlineMs: number,
): Promise<void> {
  assertWorks();
  await Promise.all(addresses.map((address) => askSelf(address, name, deadlineMs, asker)));
  await withDeadline(
    deadlineMs,
    () => new LeatError('NOT_READY', `the heartbeat was not renewed within ${deadlineMs} ms`),
    // Not given up at stop: done later, it would undo that the entry is taken away.
    null,
    () => heartbeat.beat(),
  );
}

/** @throws NOT_READY the answer is an error; UPSTREAM_CONNECT_FAILED, UPSTREAM_TIMEOUT there is none */
async function askSelf(address: Endpoint, name: string, deadlineMs: number, asker: UdpAsker): Promise<void> {
  const answer = await asker.ask(buildQuery(name), address, deadlineMs);
  const isAnswered = answer.readUInt16BE(AT.answers) === 1;
  if (isAnswered && (answer.readUInt16BE(AT.flags) & FLAG.rcode) === RCODE.NOERROR) return;
  throw new LeatError('NOT_READY', `${formatEndpoint(address)} did not answer for its own name ${name}`);
}

/** A query for the address of a name, which is plain ASCII. */
function buildQuery(name: string): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(randomInt(0x10000), AT.id);
  header.writeUInt16BE(1, AT.questions);
  const labels = name.split('.').flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]);
  return Buffer.concat([header, ...labels, Buffer.from([0, 0, TYPE.A, 0, CLASS_IN])]);
}
