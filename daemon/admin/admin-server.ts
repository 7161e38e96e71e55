// SPDX-License-Identifier: Apache-2.0
/** `/metrics`, `/healthz`, `/readyz`: what Prometheus and the kubelet ask. Nothing here changes anything. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { Endpoint } from '../net/endpoint.ts';
import { createServer } from '../net/node-http.ts';

export interface AdminOptions {
  readonly listen: Endpoint;
  readonly metricsText: () => Promise<string>;
  /** Reasons why the daemon is not ready, by name; empty when it is. */
  readonly notReady: () => Record<string, string>;
  /** What is worth knowing though the daemon is ready, by name. */
  readonly notes?: () => Record<string, string>;
}

/** @throws the listen error, for example EADDRINUSE */
export async function startAdminServer({ listen, metricsText, notReady, notes }: AdminOptions): Promise<Server> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
    const answer = (status: number, type: string, body: string): void => {
      response.writeHead(status, { 'content-type': type }).end(body);
    };
    if (request.method !== 'GET') return answer(405, 'text/plain', 'only GET\n');
    switch (request.url) {
      case '/healthz':
        return answer(200, 'text/plain', 'ok\n');
      case '/readyz': {
        const reasons = notReady();
        const isReady = Object.keys(reasons).length === 0;
        const worthKnowing = notes?.() ?? {};
        const told = { ready: isReady, reasons, ...(Object.keys(worthKnowing).length > 0 && { notes: worthKnowing }) };
        return answer(isReady ? 200 : 503, 'application/json', `${JSON.stringify(told)}\n`);
      }
      case '/metrics':
        metricsText().then(
          (text) => answer(200, 'text/plain; version=0.0.4', text),
          () => answer(500, 'text/plain', 'metrics could not be collected\n'),
        );
        return;
      default:
        return answer(404, 'text/plain', 'one of /metrics, /healthz, /readyz\n');
    }
  });
  server.listen(listen.port, listen.address);
  await once(server, 'listening');
  return server;
}
