// SPDX-License-Identifier: Apache-2.0
/**
 * `serve-bad-tokens.ts PORT`: a token endpoint that does, by its path, what token endpoints should not: `/500`, `/html`,
 * `/negative` (it has expired already), `/line-break`, `/refuses`, `/repeats` (an error with all that it was sent), `/silent`; and what
 * has to be borne: `/no-expiry`, `/text-expiry`.
 */
import { createServer, type ServerResponse } from 'node:http';

const json = (response: ServerResponse, status: number, body: object): void =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
const token = (response: ServerResponse, fields: object): void =>
  json(response, 200, { access_token: 'token-of-a-bad-server', token_type: 'Bearer', expires_in: 60, ...fields });

const server = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  switch (request.url) {
    case '/500':
      return response.writeHead(500).end(`failed: ${body}`);
    case '/html':
      return response.writeHead(200, { 'content-type': 'text/html' }).end(`<html>${body}`);
    case '/negative':
      return token(response, { expires_in: -1 });
    case '/line-break':
      return token(response, { access_token: 'token-of-a-bad-server\r\nX-Evil: yes' });
    case '/refuses':
      return json(response, 401, { error: 'invalid_client', error_description: body });
    case '/repeats':
      return json(response, 400, { error: body, error_description: body, error_uri: body });
    case '/no-expiry':
      return token(response, { expires_in: undefined });
    case '/text-expiry':
      return token(response, { expires_in: '60' });
    case '/silent':
      return;
  }
  response.writeHead(404).end();
});
server.listen(Number(process.argv[2]), () => console.log('listening'));
