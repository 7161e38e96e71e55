// SPDX-License-Identifier: Apache-2.0
/**
 * Requests of many types of authentication, good ones and failing ones, with real records, log and metrics. Everything that
 * Leat writes or answers goes to standard output and error. Reads from its configuration the secrets to use.
 */

import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { systemClock } from '../../../daemon/net/clock.ts';
import { createRecorder } from '../../../daemon/telemetry/connection-record.ts';
import { createLogger } from '../../../daemon/telemetry/logger.ts';
import { createMetrics } from '../../../daemon/telemetry/metrics.ts';
import { type SceneOptions, startScene } from '../../support/credentials-scene.ts';

export interface LeakConfiguration {
  readonly password: string;
  readonly clientSecret: string;
  readonly headerValue: string;
  readonly actor: string;
  readonly refreshToken: string;
  readonly issued: string;
  readonly userToken: string;
  readonly expiredToken: string;
  readonly signingKey: string;
  readonly pkcs12: string;
  readonly jwks: string;
  /** Written to the log on purpose, as it is. */
  readonly plant: string | null;
}

const configuration = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as LeakConfiguration;
const { password, clientSecret, userToken } = configuration;
const secrets = {
  s: {
    username: 'u',
    password,
    client_id: 'leat',
    client_secret: clientSecret,
    value: configuration.headerValue,
    actor: configuration.actor,
    'tls.key': configuration.signingKey,
    'own.p12': Buffer.from(configuration.pkcs12, 'base64'),
  },
};
const log = createLogger('trace', 'node-1');
const metrics = createMetrics();
const record = createRecorder({ log, metrics, clock: systemClock, accessLogFor: () => 'All' })({
  address: '10.1.0.7',
  port: 1,
} as never);
record.add({ namespace: 'shop', pod: 'web-1', host: 'erp.corp' });

const TYPE = 'urn:ietf:params:oauth:token-type:jwt';
const withSecret = (oauth2: object, by: string) => {
  const { clientId: _public, ...rest } = oauth2 as { clientId: string };
  return { ...rest, secret: 's', clientAuthentication: by };
};
const saml = {
  signingKey: { secret: 's' },
  issuer: 'i',
  audience: 'a',
  recipient: 'r',
};
const verified = { issuer: 'https://idp.example', audience: 'leat', jwks: configuration.jwks };
const bearer = `Authorization: Bearer ${userToken}`;

const cases: readonly (readonly [string, SceneOptions['authentication'], readonly string[]])[] = [
  ['Basic', () => ({ type: 'Basic', basic: { secret: 's' } }), []],
  ['Header', () => ({ type: 'Header', header: { name: 'X-Key', secret: 's', key: 'value' } }), []],
  ...(['Body', 'Basic'] as const).map(
    (by) =>
      [by, (oauth2: object) => ({ type: 'OAuth2ClientCredentials', oauth2: withSecret(oauth2, by) }), []] as const,
  ),
  ['password', (oauth2) => ({ type: 'OAuth2Password', oauth2, password: { secret: 's' } }), []],
  [
    'refresh',
    (oauth2) => ({ type: 'OAuth2RefreshToken', oauth2 }),
    [`Authorization: Bearer ${configuration.refreshToken}`],
  ],
  [
    'code',
    (oauth2) => ({ type: 'OAuth2AuthorizationCode', oauth2 }),
    [`Authorization: Bearer ${configuration.refreshToken}`],
  ],
  ['jwt', (oauth2) => ({ type: 'OAuth2JwtBearer', oauth2: withSecret(oauth2, 'Basic') }), [bearer]],
  [
    'exchange',
    (oauth2) => ({
      type: 'OAuth2TokenExchange',
      oauth2,
      tokenExchange: { subjectTokenType: TYPE, actor: { secret: { name: 's', key: 'actor' }, tokenType: TYPE } },
    }),
    [bearer],
  ],
  ['saml', () => ({ type: 'SamlAssertion', saml, userToken: verified }), [bearer]],
  ['saml bearer', (oauth2) => ({ type: 'OAuth2SamlBearer', oauth2, saml, userToken: verified }), [bearer]],
  ['forward', () => ({ type: 'TokenForwarding' }), [bearer]],
  ['expired', () => ({ type: 'TokenForwarding' }), [`Authorization: Bearer ${configuration.expiredToken}`]],
  ['no bearer', (oauth2) => ({ type: 'OAuth2JwtBearer', oauth2 }), [`Authorization: Token ${userToken}`]],
  ['twice', (oauth2) => ({ type: 'OAuth2JwtBearer', oauth2 }), [bearer, bearer]],
  [
    'wrong password',
    () => ({
      type: 'ClientCertificate',
      clientCertificate: { secret: 's', pkcs12Key: 'own.p12', passwordKey: 'password' },
    }),
    [],
  ],
];

const ends: (() => unknown)[] = [];
for (const [name, authentication, headers] of cases) {
  for (const how of ['good', 'echo', 'invalid', 'reset', 'refused'] as const) {
    const scene = await startScene(
      { teardown: (end) => void ends.push(end) },
      {
        authentication,
        secrets,
        startRequest: (request) => record.startRequest(request),
        ...(name === 'wrong password' ? { port: { upstream: { tls: {} } } } : {}),
        status: () => (how === 'refused' ? 401 : 200),
      },
    );
    scene.server.answer = (request, response) => {
      const sent = JSON.stringify([request.headers, String(scene.server.requests.at(-1)?.form)]);
      if (how === 'reset') response.destroy();
      else if (how === 'echo') response.writeHead(500, { 'x-echo': encodeURIComponent(sent) }).end(sent);
      else if (how === 'invalid') {
        const body = { error: 'invalid_grant', error_description: sent, error_uri: sent };
        response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      } else {
        const body = {
          access_token: configuration.issued,
          token_type: 'Bearer',
          expires_in: 60,
          refresh_token: configuration.issued,
        };
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      }
    };
    const answer = await scene.get(...headers);
    console.log(JSON.stringify({ event: 'answer', name, how, status: answer.status, text: answer.text }));
    console.log(inspect(scene.lab.destination, { depth: 12, showHidden: true }), JSON.stringify(scene.lab.destination));
    const { resolved } = scene.lab.destination;
    if (!resolved.ready) log.error({ err: resolved.problem }, 'not ready');
  }
}
if (configuration.plant !== null) log.info({ planted: configuration.plant }, 'on purpose');
record.end({ sentBytes: 0, receivedBytes: 0, error: null });
console.log(await metrics.registry.metrics());
for (const end of ends.reverse()) await end();
log.flush();
