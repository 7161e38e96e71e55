// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Configuration, Provider } from 'oidc-provider';
import { noteSecret } from './evidence.ts';
import { emit, readConfiguration, serve } from './node-server.ts';
import type { OAuthControl, OAuthServerConfiguration } from './oauth-server.ts';

const configuration = readConfiguration<OAuthServerConfiguration>();
for (const { id, secret } of configuration.clients) noteSecret(`secret of ${id}`, secret);
let control: OAuthControl = {};
/** By token: /verify has to know JWTs too, which the provider does not keep. */
const issued = new Map<string, { readonly client: string; readonly expiresAtMs: number }>();

const scopes = [...(configuration.scopes ?? [])];
const ttlSeconds = configuration.tokenTtlSeconds ?? 3600;
const resource = 'urn:leat:test';

const settings: Configuration = {
  clients: configuration.clients.map(({ id, secret, authentication }) => ({
    client_id: id,
    client_secret: secret,
    token_endpoint_auth_method: authentication === 'basic' ? 'client_secret_basic' : 'client_secret_post',
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
  })),
  scopes,
  jwks: { keys: [configuration.privateJwk as never] },
  ttl: { ClientCredentials: ttlSeconds },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    resourceIndicators: {
      enabled: configuration.tokenFormat === 'jwt',
      defaultResource: () => resource,
      getResourceServerInfo: () => ({
        scope: scopes.join(' '),
        audience: resource,
        accessTokenFormat: 'jwt',
        accessTokenTTL: ttlSeconds,
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
};

const provider = new Provider(configuration.issuer, settings);
provider.on('grant.error', (context, error) => {
  emit('refused', { error: error.error, reason: error.error_description ?? error.message, path: context.path });
});
provider.use(async (context, next) => {
  await next();
  if (context.path === '/token') judgeAnswer(context);
});
const answer = provider.callback();

type Context = Parameters<Parameters<typeof provider.use>[0]>[0];

function judgeAnswer(context: Context): void {
  const client = configuration.clients.find(({ id }) => id === context.oidc?.client?.clientId);
  const { access_token: value } = (context.body ?? {}) as { access_token?: string };
  if (client === undefined || value === undefined) return;
  // The provider takes a client secret in either place; many others don't.
  const used = /^basic /i.test(context.get('authorization')) ? 'basic' : 'body';
  if (used !== (client.authentication ?? 'body')) {
    context.status = 401;
    context.body = { error: 'invalid_client', error_description: `client authentication by ${used}` };
    emit('refused', { error: 'invalid_client', reason: `client authentication by ${used}`, path: context.path });
    return;
  }
  noteSecret('token', value);
  issued.set(value, { client: client.id, expiresAtMs: Date.now() + ttlSeconds * 1000 });
  emit('issued', { client: client.id });
}

async function token(request: IncomingMessage, response: ServerResponse): Promise<void> {
  emit('request', { path: request.url });
  const { delayMs, status } = control;
  if (delayMs !== undefined) await sleep(delayMs);
  if (status !== undefined) {
    response.writeHead(status, { 'content-type': 'application/json' }).end('{"error":"temporarily_unavailable"}');
    return;
  }
  await answer(request, response);
}

function verify(request: IncomingMessage, response: ServerResponse): void {
  const value = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  const grant = value === undefined ? undefined : issued.get(value);
  if (grant === undefined || grant.expiresAtMs <= Date.now()) {
    emit('rejected');
    response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end();
    return;
  }
  emit('verified', { client: grant.client });
  response.writeHead(204, { 'x-client-id': grant.client }).end();
}

const listener: RequestListener = (request, response) => {
  const path = (request.url ?? '/').split('?')[0];
  const handled =
    path === '/verify'
      ? verify(request, response)
      : path === '/token'
        ? token(request, response)
        : answer(request, response);
  Promise.resolve(handled).catch((error: unknown) => {
    emit('failed', { reason: String(error) });
    response.destroy();
  });
};

createInterface({ input: process.stdin }).on('line', (line) => {
  control = JSON.parse(line) as OAuthControl;
  if (control.revokeAll === true) issued.clear();
  emit('controlled', { ...control });
});

const { certificate, key } = configuration;
const server =
  certificate === null || key === null ? createServer(listener) : createTlsServer({ cert: certificate, key }, listener);
serve(server, configuration);
