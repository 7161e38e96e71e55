// SPDX-License-Identifier: Apache-2.0
/** A DNS server that does what a test says, and keeps the bytes it got and sent: UDP and TCP on one loopback port. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { FrameReader, writeMessage } from '../../daemon/dns/frame-messages.ts';
import type { Endpoint } from '../../daemon/net/endpoint.ts';

export type Respond = (query: Buffer, transport: 'udp' | 'tcp') => readonly Buffer[] | Promise<readonly Buffer[]>;

export interface RecordingDnsServer {
  readonly endpoint: Endpoint;
  readonly received: Buffer[];
  readonly sent: Buffer[];
  /** Source ports of the UDP queries. */
  readonly ports: number[];
  /** TCP connections it has now. */
  connections(): number;
  /** TCP connections that were ever made. */
  accepted(): number;
  /** Ends the TCP connections that it has. */
  hangUp(): void;
  stop(): Promise<void>;
}

/** Answers each query with the messages that `respond` gives for it, in their order. */
export async function startRecordingDnsServer(respond: Respond, address = '127.0.0.1'): Promise<RecordingDnsServer> {
  const received: Buffer[] = [];
  const sent: Buffer[] = [];
  const ports: number[] = [];
  const clients = new Set<Socket>();
  let accepted = 0;
  const answer = async (query: Buffer, transport: 'udp' | 'tcp', send: (bytes: Buffer) => void): Promise<void> => {
    received.push(Buffer.from(query));
    for (const bytes of await respond(query, transport)) {
      sent.push(Buffer.from(bytes));
      send(bytes);
    }
  };
  const tcp = createServer((client) => {
    accepted++;
    clients.add(client);
    client.on('close', () => clients.delete(client));
    client.on('error', () => {});
    const reader = new FrameReader((query) => void answer(query, 'tcp', (bytes) => writeMessage(client, bytes)));
    client.on('data', (chunk) => reader.push(chunk));
  });
  tcp.listen(0, address);
  await once(tcp, 'listening');
  const bound = tcp.address();
  if (bound === null || typeof bound === 'string') throw new Error('no port');
  const udp = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  udp.on('message', (query, from) => {
    ports.push(from.port);
    void answer(query, 'udp', (bytes) => udp.send(bytes, from.port, from.address));
  });
  udp.bind(bound.port, address);
  await once(udp, 'listening');
  return {
    endpoint: { address, port: bound.port },
    received,
    sent,
    ports,
    connections: () => clients.size,
    accepted: () => accepted,
    hangUp() {
      for (const client of clients) client.end();
    },
    async stop() {
      udp.close();
      for (const client of clients) client.destroy();
      tcp.close();
      await once(tcp, 'close');
    },
  };
}
