// SPDX-License-Identifier: Apache-2.0
/** Leat's DNS server on loopback addresses, and clients that speak from an address of their own, as pods do. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';
import { type DnsServerOptions, startDnsServer } from '../../daemon/dns/dns-server.ts';
import { FrameReader, writeMessage } from '../../daemon/dns/frame-messages.ts';
import type { DnsOutcome } from '../../daemon/dns/outcome.ts';
import type { Endpoint } from '../../daemon/net/endpoint.ts';
import type { Workload } from '../../daemon/workload/workload.ts';

/** An enrolled pod. */
export const POD = '127.0.0.7';
/** A pod that is not enrolled. */
export const OTHER = '127.0.0.8';
/** What Leat listens on: not the address of the servers that it forwards to, for it never asks its own. */
export const LEAT = '127.0.0.2';

export const WORKLOAD: Workload = {
  uid: 'u1',
  namespace: 'shop',
  name: 'web',
  serviceAccount: 'default',
  labels: {},
  addresses: [POD],
  enrolled: true,
};

export interface DnsLab {
  readonly endpoint: Endpoint;
  /** Everything that happened, in its order. */
  readonly outcomes: DnsOutcome[];
  readonly errors: string[];
  stop(): Promise<void>;
}

/** Starts the server for one test: `erp.corp` is managed with synthetic addresses, `real.corp` with its real ones. */
export async function startDnsLab(
  t: ExecutionContext,
  upstream: Endpoint,
  options: Partial<DnsServerOptions> = {},
): Promise<DnsLab> {
  const outcomes: DnsOutcome[] = [];
  const errors: string[] = [];
  const server = await startDnsServer({
    listen: [{ address: LEAT, port: 0 }],
    originalServer: () => upstream,
    identify: (address) => (address === POD || address === '::1' ? WORKLOAD : null),
    whenKnown: () => new Promise(() => {}),
    awaited: () => [WORKLOAD],
    managed: (_workload, host) => (host === 'erp.corp' ? 'synthetic' : host === 'real.corp' ? 'real' : null),
    addressesFor: () => ({ v4: '240.240.1.2', v6: null }),
    heartbeat: { ready: () => false, beat: async () => {} },
    onOutcome(outcome, _transport, error) {
      outcomes.push(outcome);
      if (error !== undefined) errors.push(`${error.code}: ${error.message}`);
    },
    ...options,
  });
  t.teardown(() => server.stop());
  return { endpoint: server.addresses[0] as Endpoint, outcomes, errors, stop: () => server.stop() };
}

/** Sends a packet from an address and gives what comes back; null where nothing does in time. */
export async function askUdp(to: Endpoint, bytes: Buffer, from = POD, waitMs = 3000): Promise<Buffer | null> {
  const socket = createSocket(to.address.includes(':') ? 'udp6' : 'udp4');
  try {
    socket.bind(0, from);
    await once(socket, 'listening');
    socket.send(bytes, to.port, to.address);
    const [answer] = (await once(socket, 'message', { signal: AbortSignal.timeout(waitMs) })) as [Buffer];
    return answer;
  } catch (error) {
    if ((error as Error).name === 'AbortError') return null;
    throw error;
  } finally {
    socket.close();
  }
}

export interface DnsTcpClient {
  readonly socket: Socket;
  readonly answers: Buffer[];
  send(message: Buffer): void;
  /** Resolves when so many answers have come in all; rejects after 3 s. */
  answered(count: number): Promise<Buffer[]>;
  readonly closed: Promise<void>;
}

/** A connection from an address, closed at the end of the test. */
export async function connectTcp(t: ExecutionContext, to: Endpoint, from = POD): Promise<DnsTcpClient> {
  const socket = connect({ host: to.address, port: to.port, localAddress: from, allowHalfOpen: true });
  t.teardown(() => socket.destroy());
  const answers: Buffer[] = [];
  let wake = (): void => {};
  const reader = new FrameReader((message) => {
    answers.push(message);
    wake();
  });
  socket.on('data', (chunk) => reader.push(chunk));
  socket.on('error', () => {});
  socket.on('end', () => socket.end());
  // Not once(): it would reject for a reset, which is an end like another here.
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const connected = new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  await Promise.race([connected, closed]);
  return {
    socket,
    answers,
    closed,
    send: (message) => void writeMessage(socket, message),
    async answered(count) {
      const late = AbortSignal.timeout(3000);
      while (answers.length < count) {
        const { promise, resolve, reject } = Promise.withResolvers<void>();
        wake = resolve;
        late.addEventListener('abort', () => reject(new Error(`${answers.length} of ${count} answers came`)));
        await promise;
      }
      return answers;
    },
  };
}
