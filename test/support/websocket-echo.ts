// SPDX-License-Identifier: Apache-2.0
import type { Certificate } from './certificates.ts';
import type { Place } from './place.ts';
import { type ListenOptions, type ListensAt, listenAt, type StartedServer, startNodeServer } from './server.ts';

export interface WebSocketEchoOptions extends ListenOptions {
  readonly tls?: Certificate;
}

/** What the child process reads. */
export interface WebSocketEchoConfiguration extends ListensAt {
  readonly certificate: string | null;
  readonly key: string | null;
}

/**
 * Starts a WebSocket server (npm ws), as a process of its own. It echoes every message as it came; the text `headers` is
 * answered with JSON of the upgrade request's headers; the text `close` by closing with code 4000.
 */
export async function startWebSocketEcho(place: Place, options: WebSocketEchoOptions = {}): Promise<StartedServer> {
  const at = await listenAt(place, options, 8081);
  const configuration: WebSocketEchoConfiguration = {
    ...at,
    certificate: options.tls?.certificate ?? null,
    key: options.tls?.key ?? null,
  };
  return startNodeServer(place, 'websocket-echo', configuration);
}
