// SPDX-License-Identifier: Apache-2.0
/** `/metrics`, `/healthz`, `/readyz`: what Prometheus and the kubelet ask. Nothing here changes anything. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { Endpoint } from '../daemon/net/endpoint.ts';

export interface AdminAnswers {
  readonly metricsText: () => Promise<string>;
  /** Null when ready. A replica that does not lead is ready: it stands by. */
  readonly notReady: () => string | null;
}

/** @throws the listen error, for example EADDRINUSE */
export async function startAdminServer(listen: Endpoint, { metricsText, notReady }: AdminAnswers): Promise<Server> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
    const answer = (status: number, body: string): void => {
      response.writeHead(status, { 'content-type': 'text/plain; version=0.0.4' }).end(body);
    };
    if (request.method !== 'GET') return answer(405, 'only GET\n');
    switch (request.url) {
      case '/healthz':
        return answer(200, 'ok\n');
      case '/readyz': {
        const reason = notReady();
        return answer(reason === null ? 200 : 503, `${reason ?? 'ok'}\n`);
      }
      case '/metrics':
        metricsText().then(
          (text) => answer(200, text),
          () => answer(500, 'metrics could not be collected\n'),
        );
        return;
      default:
        return answer(404, 'one of /metrics, /healthz, /readyz\n');
    }
  });
  server.listen(listen.port, listen.address);
  await once(server, 'listening');
  return server;
}
