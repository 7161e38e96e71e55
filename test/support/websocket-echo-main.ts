// SPDX-License-Identifier: Apache-2.0
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { WebSocketServer } from 'ws';
import { emit, readConfiguration, serve } from './node-server.ts';
import type { WebSocketEchoConfiguration } from './websocket-echo.ts';

const configuration = readConfiguration<WebSocketEchoConfiguration>();
const { certificate, key } = configuration;
const server = certificate === null || key === null ? createServer() : createTlsServer({ cert: certificate, key });

new WebSocketServer({ server }).on('connection', (socket, request) => {
  emit('connected', { path: request.url });
  socket.on('error', (error) => emit('failed', { reason: error.message }));
  socket.on('message', (message, isBinary) => {
    const text = isBinary ? null : message.toString();
    if (text === 'headers') socket.send(JSON.stringify(request.headers));
    else if (text === 'close') socket.close(4000, 'as asked');
    else socket.send(message, { binary: isBinary });
  });
});

serve(server, configuration);
