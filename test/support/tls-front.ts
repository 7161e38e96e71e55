// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { HttpRoute } from '../../daemon/routing/route.ts';
import { createAuthority } from './certificates.ts';
import { createLab } from './lab.ts';

/** A target that has TLS, though the server of the test behind it has none. */
export interface TlsFront {
  /** A connection that reaches the server when TLS is spoken on it: bytes, ends and resets of one side are those of the other. */
  to(server: Socket): Promise<Socket>;
  /** The same route, its targets with TLS. */
  secure(route: HttpRoute): HttpRoute;
}

const NAME = 'front.test';
let material: ReturnType<typeof makeMaterial> | null = null;

export async function startTlsFront(t: { teardown(end: () => void): void }): Promise<TlsFront> {
  material ??= makeMaterial();
  const { ca, context } = await material;
  const known = new WeakMap<HttpRoute, HttpRoute>();
  /** Connections at the front, by the port that they come from. */
  const arrivals = new Map<number, PromiseWithResolvers<Socket>>();
  const arrival = (port: number): PromiseWithResolvers<Socket> => {
    const known = arrivals.get(port) ?? Promise.withResolvers<Socket>();
    arrivals.set(port, known);
    return known;
  };
  const front = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (raw) =>
    arrival(raw.remotePort ?? 0).resolve(raw),
  );
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  t.teardown(() => void front.close());
  return {
    async to(server) {
      const { port } = front.address() as AddressInfo;
      const near = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
      near.pause();
      await once(near, 'connect');
      const from = near.localPort ?? 0;
      const raw = await arrival(from).promise;
      arrivals.delete(from);
      join(raw, new TLSSocket(raw, { isServer: true, secureContext: context, ALPNProtocols: ['http/1.1'] }), server);
      return near;
    },
    secure(route) {
      const secured = known.get(route) ?? {
        ...route,
        targets: route.targets.map((target) => ({
          ...target,
          upstream: { ...target.upstream, port: target.upstream.port === 80 ? 443 : target.upstream.port },
          tls: { serverName: NAME, ca },
        })),
      };
      known.set(route, secured);
      return secured;
    },
  };
}

function join(raw: Socket, secured: TLSSocket, server: Socket): void {
  const reset = (socket: Socket) => (): void => {
    if (!socket.destroyed) socket.resetAndDestroy();
  };
  raw.on('error', reset(server));
  secured.on('error', reset(server));
  secured.on('close', () => {
    if (!secured.readableEnded) reset(server)();
  });
  server.on('error', reset(raw));
  secured.pipe(server).pipe(secured);
}

/** Made once: they take a while. */
async function makeMaterial() {
  const lab = await createLab('tls-front');
  try {
    const authority = await createAuthority(lab.loopback);
    const { certificate, key } = await authority.issueServer(NAME);
    return { ca: authority.certificate, context: createSecureContext({ cert: certificate, key }) };
  } finally {
    await lab.dispose();
  }
}
