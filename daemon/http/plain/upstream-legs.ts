// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { LeatError } from '../../errors/leat-error.ts';
import type { HttpEngine } from '../../native/http-engine.ts';
import { resetDescriptor } from '../../native/relay-engine.ts';
import { resetSocket } from '../../net/reset-socket.ts';
import type { AdmittedRequest } from '../admit-request.ts';
import { connectUpstream } from '../connect-upstream.ts';
import type { Dial, TakeSocket } from '../ports.ts';
import { type CarriedTls, carryTls } from './carry-tls.ts';

/** As upstream-pools.ts has it: Leat closes first, so that no request meets a close. */
const KEEP_ALIVE_MS = 4000;
const KEEP_ALIVE_MAX_MS = 60_000;
/** What a server's own word is cut by: its clock started before ours. */
const KEEP_ALIVE_MARGIN_MS = 2000;
/** Connections at rest, of all pools together; what comes beyond is closed behind its answer. */
const MOST_RESTING = 4096;

type Legs = Pick<HttpEngine, 'adopt' | 'adoptPair' | 'feed' | 'close' | 'reset' | 'rest'>;

/** Where a connection leads, and what TLS shows there. */
type Dialled = Pick<AdmittedRequest, 'target' | 'authentication'>;

/** A connection to an upstream, in the engine. */
export interface UpstreamLeg {
  readonly slot: number;
  /** Null: the socket itself is in the engine. */
  readonly tls: CarriedTls | null;
  readonly pool: LegPool;
}

/** Legs that are interchangeable: one key of upstream-key.ts. */
export interface LegPool {
  readonly key: string;
  readonly resting: UpstreamLeg[];
  /** Legs that serve a request, or are dialled for one. */
  busy: number;
  /** False from `renew` on: what is dialled under its name is closed behind its answer. */
  isCurrent: boolean;
}

export interface UpstreamLegs {
  poolOf(key: string): LegPool;
  /** The leg that rested last: the others may end. Null: there is none. */
  take(pool: LegPool): UpstreamLeg | null;
  /** @throws UPSTREAM_*, TUNNEL_*, CREDENTIAL_*, SECRET_INVALID, or the signal's reason */
  dial(pool: LegPool, dialled: Dialled, signal: AbortSignal): Promise<UpstreamLeg>;
  /** Behind an answer. `keepAliveMs` is the upstream's word: 0 for none to come, null where it has none. */
  giveBack(leg: UpstreamLeg, keepAliveMs: number | null): void;
  /** Resets it. */
  drop(leg: UpstreamLeg): void;
  /** A leg at rest ended, or was for too long. False where the slot is none of them. */
  noteEnd(slot: number): boolean;
  /** Pools; for tests. */
  readonly size: number;
  /** Later requests go out on new connections. */
  renew(): void;
}

/** Never more connections than requests run and `MOST_RESTING` besides: requests are bounded by the downstream connections. */
export function createUpstreamLegs(engine: Legs, dial: Dial, takeSocket: TakeSocket): UpstreamLegs {
  const pools = new Map<string, LegPool>();
  /** By slot. */
  const resting: (UpstreamLeg | undefined)[] = [];
  let restingCount = 0;

  function forgetEmpty(pool: LegPool): void {
    if (pool.busy === 0 && pool.resting.length === 0 && pool.isCurrent) pools.delete(pool.key);
  }

  function forgetResting({ slot }: UpstreamLeg): void {
    resting[slot] = undefined;
    restingCount -= 1;
  }

  return {
    poolOf(key) {
      let pool = pools.get(key);
      if (pool === undefined) {
        pool = { key, resting: [], busy: 0, isCurrent: true };
        pools.set(key, pool);
      }
      return pool;
    },
    take(pool) {
      const leg = pool.resting.pop();
      if (leg === undefined) return null;
      forgetResting(leg);
      pool.busy += 1;
      return leg;
    },
    async dial(pool, { target, authentication }, signal) {
      pool.busy += 1;
      try {
        const socket = await connectUpstream(dial, target, authentication, signal);
        if (signal.aborted) resetSocket(socket);
        signal.throwIfAborted();
        const adopted = socket instanceof TLSSocket ? adoptSecured(engine, socket) : adopt(engine, socket, takeSocket);
        return { ...adopted, pool };
      } catch (error) {
        pool.busy -= 1;
        forgetEmpty(pool);
        throw error;
      }
    },
    giveBack(leg, keepAliveMs) {
      const restMs =
        keepAliveMs === null ? KEEP_ALIVE_MS : Math.min(keepAliveMs - KEEP_ALIVE_MARGIN_MS, KEEP_ALIVE_MAX_MS);
      leg.pool.busy -= 1;
      if (!leg.pool.isCurrent || restMs <= 0 || restingCount >= MOST_RESTING) {
        engine.close(leg.slot);
        forgetEmpty(leg.pool);
        return;
      }
      leg.pool.resting.push(leg);
      resting[leg.slot] = leg;
      restingCount += 1;
      engine.rest(leg.slot, restMs);
    },
    drop(leg) {
      engine.reset(leg.slot, 'upstream');
      leg.tls?.reset();
      leg.pool.busy -= 1;
      forgetEmpty(leg.pool);
    },
    noteEnd(slot) {
      const leg = resting[slot];
      if (leg === undefined) return false;
      forgetResting(leg);
      leg.pool.resting.splice(leg.pool.resting.indexOf(leg), 1);
      engine.close(leg.slot);
      forgetEmpty(leg.pool);
      return true;
    },
    get size() {
      return pools.size;
    },
    renew() {
      for (const leg of resting) if (leg !== undefined) engine.close(leg.slot);
      resting.length = 0;
      restingCount = 0;
      for (const pool of pools.values()) {
        pool.isCurrent = false;
        pool.resting.length = 0;
      }
      pools.clear();
    },
  };
}

type Adopted = Pick<UpstreamLeg, 'slot' | 'tls'>;

/** @throws UPSTREAM_RESPONSE_INVALID where the upstream spoke first; INTERNAL where no descriptors are left */
function adopt(engine: Legs, socket: Socket, takeSocket: TakeSocket): Adopted {
  const taken = takeSocket(socket);
  if (taken === null) {
    resetSocket(socket);
    throw exhausted('descriptors');
  }
  const slot = engine.adopt(taken.fd, 'upstream');
  if (taken.prefix === null && slot !== null) return { slot, tls: null };
  if (slot !== null) engine.reset(slot, 'upstream');
  else resetDescriptor(taken.fd);
  throw taken.prefix === null ? exhausted('memory') : spokeFirst();
}

/** As {@link adopt}: TLS stays with Node, and a pair of sockets leads to it. */
function adoptSecured(engine: Legs, socket: TLSSocket): Adopted {
  const isEarly = socket.readableLength > 0;
  const pair = isEarly ? null : engine.adoptPair();
  if (pair !== null) return { slot: pair.slot, tls: carryTls(engine, pair, socket) };
  resetSocket(socket);
  throw isEarly ? spokeFirst() : exhausted('descriptors');
}

function spokeFirst(): LeatError {
  return new LeatError('UPSTREAM_RESPONSE_INVALID', 'the upstream spoke before it was asked');
}

function exhausted(what: string): LeatError {
  return new LeatError('INTERNAL', `the connection to the upstream could not be used: out of ${what}`);
}
