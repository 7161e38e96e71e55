// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { trackTunnels } from '../../../daemon/app/track-tunnels.ts';
import type { TunnelAccess } from '../../../daemon/destination/compile-tunnel.ts';
import type { Tunnel } from '../../../daemon/destination/destination.ts';
import { Secret } from '../../../daemon/destination/secret.ts';
import type { ErrorCode } from '../../../daemon/errors/error-codes.ts';
import { LeatError } from '../../../daemon/errors/leat-error.ts';
import type { Downstream } from '../../../daemon/net/downstream.ts';
import { throughTunnel } from '../../../daemon/routing/route.ts';
import type { Snapshot } from '../../../daemon/routing/snapshot.ts';
import type { Logger } from '../../../daemon/telemetry/logger.ts';

const never = new AbortController().signal;
const MOVED = { sentBytes: 0, receivedBytes: 0, error: null };

/** Made anew each time, as by each snapshot. */
function corp(password = 'hunter2', protocol: Tunnel['protocol'] = 'socks5'): Tunnel {
  return {
    name: 'corp',
    protocol,
    endpoints: [{ host: 'proxy.example', port: 1080 }],
    tls: null,
    authentication: { type: 'UserPassword', username: new Secret('leat'), password: new Secret(password) },
    connectTimeoutMs: 1,
    handshakeTimeoutMs: 1,
  } as Tunnel;
}

function snapshotOf(...tunnels: Tunnel[]): Snapshot {
  const access = tunnels.map((tunnel) => [tunnel.name, { resolved: { tunnel } } as TunnelAccess] as const);
  return { entries: { sources: new Map(), tunnels: new Map(access) } } as unknown as Snapshot;
}

function start(t: ExecutionContext, inForce: Tunnel = corp()) {
  const clock = { now: 0, nowMs: () => clock.now, monotonicMs: () => clock.now };
  let outcome: ErrorCode | null = null;
  const lines: string[] = [];
  const note = (_facts: object, message: string) => lines.push(message);
  const tracker = trackTunnels({
    clock,
    log: { warn: note, info: note } as unknown as Logger,
    onChange() {},
    snapshots: { current: () => snapshotOf(inForce) },
  });
  t.teardown(() => tracker.stop());
  const fail = (): void => {
    if (outcome !== null) throw new LeatError(outcome, `because of ${outcome}`);
  };
  const upstreamBy = (tunnel: Tunnel) => ({
    host: 'erp',
    port: 80,
    via: throughTunnel(tunnel, null),
    connectTimeoutMs: 1,
  });
  const settlesWith = async (code: ErrorCode | null, done: Promise<unknown>): Promise<void> => {
    if (code === null) await done;
    else await t.throwsAsync(done, { code });
  };
  const dial = tracker.watchDial(async () => {
    fail();
    return {} as Socket;
  });
  const fields = tracker.watchFields(async () => {
    fail();
    return [];
  });
  return {
    tracker,
    lines,
    reasons: () => tracker.problems().map(({ resource, reason }) => `${resource} ${reason}`),
    async dial(code: ErrorCode | null, tunnel: Tunnel = corp()) {
      outcome = code;
      await settlesWith(code, dial(upstreamBy(tunnel), never));
    },
    async fields(code: ErrorCode | null, tunnel: Tunnel) {
      outcome = code;
      const via = throughTunnel(tunnel, null);
      if (via.kind !== 'httpForward') throw new Error('no forward proxy');
      await settlesWith(code, fields(via, { refresh: false }, never));
    },
    /** A connection that the engine dials, and that lasts until the promise resolves. */
    forward(ended: Promise<void>, tunnel: Tunnel = corp()) {
      const forward = tracker.watchForward(() => ended.then(() => MOVED));
      return forward({} as Downstream, upstreamBy(tunnel), { idleTimeoutMs: 1 }, never).catch(() => MOVED);
    },
    pass(ms: number) {
      clock.now += ms;
      tracker.review();
    },
  };
}

const TOLD = 'Tunnel corp TunnelAuthentication';

test('a credential that is refused for a second is a problem of the Tunnel, until it is taken', async (t) => {
  const { dial, pass, reasons, lines } = start(t);
  await dial('TUNNEL_AUTHENTICATION');
  t.deepEqual(reasons(), []);
  pass(1_000);
  t.deepEqual(reasons(), [TOLD]);
  await dial(null);
  t.deepEqual(reasons(), []);
  t.deepEqual(lines, ['because of TUNNEL_AUTHENTICATION', 'the tunnel takes its credential again']);
});

for (const code of ['CREDENTIAL_UNAVAILABLE', 'CREDENTIAL_REJECTED', 'SECRET_INVALID'] as const) {
  test(`so is one that can not be had: ${code}`, async (t) => {
    const { dial, pass, reasons } = start(t);
    await dial(code);
    pass(1_000);
    t.is(reasons().length, 1);
  });
}

test('that it can not be reached, or does not lead to some target, is no fault of its credential', async (t) => {
  const { dial, pass, reasons } = start(t);
  for (const code of ['TUNNEL_UNREACHABLE', 'TUNNEL_FORBIDDEN', 'TUNNEL_HOST_UNREACHABLE', 'CLIENT_RESET'] as const) {
    await dial(code);
    pass(1_000);
    t.deepEqual(reasons(), [], code);
  }
});

test('what is refused one tenant, or was refused the Tunnel as it used to be, is not told', async (t) => {
  const { dial, pass, reasons } = start(t);
  await dial('TUNNEL_AUTHENTICATION', corp('of a tenant'));
  pass(1_000);
  t.deepEqual(reasons(), []);
  await dial('TUNNEL_AUTHENTICATION');
  pass(1_000);
  await dial(null, corp('of a tenant'));
  t.deepEqual(reasons(), [TOLD], 'nor is what a tenant is given');
});

test('another credential is judged anew; the same one in a newer snapshot is not', async (t) => {
  const { tracker, dial, pass, reasons } = start(t);
  await dial('TUNNEL_AUTHENTICATION');
  pass(1_000);
  tracker.prune(snapshotOf(corp()));
  t.deepEqual(reasons(), [TOLD]);
  tracker.prune(snapshotOf(corp('hunter3')));
  t.deepEqual(reasons(), []);
  await dial('TUNNEL_AUTHENTICATION');
  pass(1_000);
  tracker.prune(snapshotOf());
  t.deepEqual(reasons(), [], 'nor is one told that is gone');
});

test('a connection of the engine tells at its end how it began: nothing, where it was refused since then', async (t) => {
  const { tracker, dial, forward, pass, reasons } = start(t);
  const long = Promise.withResolvers<void>();
  const ended = forward(long.promise);
  pass(10);
  await dial('TUNNEL_AUTHENTICATION');
  pass(1_000);
  long.resolve();
  await ended;
  t.deepEqual(reasons(), [TOLD]);
  await forward(Promise.resolve());
  t.deepEqual(reasons(), []);
  const refusal = new LeatError('TUNNEL_AUTHENTICATION', 'refused');
  tracker.note(corp(), refusal);
  pass(1_000);
  t.deepEqual(reasons(), [TOLD]);
});

test('a forward proxy is judged by its answers, not by its connections', async (t) => {
  const proxy = corp('hunter2', 'httpForward');
  const { tracker, dial, fields, pass, reasons } = start(t, proxy);
  tracker.note(proxy, new LeatError('TUNNEL_AUTHENTICATION', '407'));
  pass(1_000);
  await dial(null, proxy);
  await fields(null, proxy);
  t.deepEqual(reasons(), [TOLD]);
  tracker.note(proxy, null);
  t.deepEqual(reasons(), []);
  await fields('CREDENTIAL_REJECTED', proxy);
  pass(1_000);
  t.deepEqual(reasons(), ['Tunnel corp CredentialRejected']);
});
