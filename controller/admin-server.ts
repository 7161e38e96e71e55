// SPDX-License-Identifier: Apache-2.0
/**
 * `/metrics`, `/healthz`, `/readyz`: what Prometheus and the kubelet ask; `/status`, `/destinationCRs`: what watches SAP's
 * transparent proxy. Nothing here changes anything.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { Endpoint } from '../daemon/net/endpoint.ts';

export interface AdminAnswers {
  readonly metricsText: () => Promise<string>;
  /** Null when ready. A replica that does not lead is ready: it stands by. */
  readonly notReady: () => string | null;
  /** Of SAP's words, by path; null until everything was read. */
  readonly sapAnswers: Readonly<Record<'/status' | '/destinationCRs', () => object | null>>;
}

/** @throws the listen error, for example EADDRINUSE */
export async function startAdminServer(listen: Endpoint, answers: AdminAnswers): Promise<Server> {
  const { metricsText, notReady, sapAnswers } = answers;
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
    const answer = (status: number, body: string, type = 'text/plain; version=0.0.4'): void => {
      response.writeHead(status, { 'content-type': type }).end(body);
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
      case '/status':
      case '/destinationCRs': {
        const told = sapAnswers[request.url]();
        return answer(told === null ? 503 : 200, `${JSON.stringify(told ?? {})}\n`, 'application/json');
      }
      default:
        return answer(404, 'one of /metrics, /healthz, /readyz, /status, /destinationCRs\n');
    }
  });
  server.listen(listen.port, listen.address);
  await once(server, 'listening');
  return server;
}
