// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createSecureContext, TLSSocket, type TLSSocketOptions } from 'node:tls';
import type { Destination } from '../../daemon/destination/destination.ts';
import type { HttpRoute } from '../../daemon/routing/route.ts';
import { type Authority, type Certificate, createAuthority } from './certificates.ts';
import { httpDestination, httpRoute, httpTarget } from './destinations.ts';
import type { Place } from './place.ts';

interface Teardown {
  teardown(end: () => void): void;
}

/** A connection at a target. */
export interface SecuredPeer {
  readonly secured: TLSSocket;
  /** What TLS runs over. */
  readonly raw: Socket;
}

/** Targets called erp.corp with TLS, whose bytes a test writes itself, and the route to them. */
export class SecuredTargets {
  readonly authority: Authority;
  /** What they show unless told otherwise. */
  readonly certificate: Certificate;

  private constructor(authority: Authority, certificate: Certificate) {
    this.authority = authority;
    this.certificate = certificate;
  }

  static async create(place: Place): Promise<SecuredTargets> {
    const authority = await createAuthority(place);
    return new SecuredTargets(authority, await authority.issueServer('erp.corp'));
  }

  /** `ca` default: that of the targets; null: the system's. */
  route(overrides: Partial<Destination> = {}, ca: string | null = this.authority.certificate): HttpRoute {
    return httpRoute([httpTarget(httpDestination(overrides), { port: 443, tls: { serverName: null, ca } })]);
  }

  /** A target of which `onHead` writes every byte; it is called for each head of a request, with what came behind it so far. */
  async start(
    t: Teardown,
    onHead: (peer: SecuredPeer, head: string, rest: Buffer) => void,
    options: TLSSocketOptions & { readonly certificate?: Certificate } = {},
  ) {
    const peers: SecuredPeer[] = [];
    const { certificate = this.certificate, ...rest } = options;
    const secureContext = createSecureContext({
      cert: certificate.certificate,
      key: certificate.key,
      ca: this.authority.certificate,
      ...rest,
    });
    const listener = createServer({ allowHalfOpen: true, noDelay: true }, (raw) => {
      const secured = new TLSSocket(raw, { isServer: true, secureContext, ALPNProtocols: ['http/1.1'], ...rest });
      const peer = { secured, raw };
      peers.push(peer);
      for (const socket of [raw, secured]) socket.on('error', () => {});
      let seen = '';
      secured.on('data', (chunk: Buffer) => {
        seen = (seen + chunk.toString('latin1')).slice(-65_536);
        for (let end = seen.indexOf('\r\n\r\n'); end >= 0; end = seen.indexOf('\r\n\r\n')) {
          const head = seen.slice(0, end + 4);
          seen = seen.slice(end + 4);
          if (/^[A-Z]+ \//.test(head)) onHead(peer, head, Buffer.from(seen, 'latin1'));
        }
      });
      secured.on('end', () => secured.end());
    }).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    t.teardown(() => {
      listener.close();
      for (const { raw } of peers) raw.destroy();
    });
    return { port: (listener.address() as AddressInfo).port, peers };
  }
}
