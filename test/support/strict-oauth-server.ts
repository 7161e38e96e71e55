// SPDX-License-Identifier: Apache-2.0
/**
 * A small authorization server that believes nothing: each grant with exactly its parameters, each once; each client by its
 * one way of proving itself; every signature, issuer, audience and expiry. It remembers why it refused.
 */
import { randomUUID, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { checkSamlAssertion, type ExpectedSaml } from './check-saml-assertion.ts';
import { noteSecret } from './evidence.ts';

/** The client `leat`, by its one way of proving itself. */
export type StrictClient =
  | { readonly by: 'Body' | 'Basic'; readonly secret: string }
  | {
      readonly by: 'PrivateKeyJwt';
      readonly keys: JSONWebKeySet;
      readonly audience: string;
      readonly certificate?: string;
    }
  | { readonly by: 'MutualTls'; readonly commonName: string }
  | { readonly by: 'None' };

export interface StrictOptions {
  readonly client: StrictClient;
  /** Verifies users' tokens; issuer `https://idp.example`, audience `leat`. */
  readonly userKeys?: JSONWebKeySet;
  readonly password?: { readonly username: string; readonly password: string };
  /** Each may be used once. */
  readonly codes?: readonly { readonly code: string; readonly redirectUri: string | null }[];
  readonly refreshTokens?: readonly string[];
  /** Whether refresh tokens are replaced when used; default false. */
  readonly rotates?: boolean;
  readonly saml?: ExpectedSaml;
  /** RFC 8693. */
  readonly exchange?: {
    readonly subjectTokenType: string;
    readonly requestedTokenType?: string;
    readonly actor?: { readonly token: string; readonly tokenType: string };
  };
  /** Parameters that must be there besides those of the grant, with their values. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Header fields that must be there, names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Of the token endpoint; default /token. */
  readonly path?: string;
  /** Query that must be there; default none. */
  readonly query?: string;
  /** What it gives; null: it refuses the client. Default a token of its own making. */
  readonly makeToken?: (request: IncomingMessage) => string | null;
  readonly tls?: { readonly certificate: string; readonly key: string; readonly clientAuthority?: string };
  readonly expiresInSeconds?: number;
}

export interface StrictServer {
  readonly port: number;
  /** Token requests, refused ones too; `atMs` as `performance.now()` has it. */
  readonly requests: { readonly grant: string; readonly form: URLSearchParams; readonly atMs: number }[];
  /** Why it refused. */
  readonly refusals: string[];
  /** What it gave: the token, and for whom. */
  readonly issued: { readonly token: string; readonly subject: string }[];
  /** Whom the `Authorization` or other field of a request speaks for; null: no token of this server. */
  subjectOf(field: string | null): string | null;
  /** Answers in place of it, until null is set. */
  answer: ((request: IncomingMessage, response: ServerResponse) => void) | null;
  stop(): void;
}

class Refusal extends Error {
  readonly code: string;
  constructor(code: string, why: string) {
    super(why);
    this.code = code;
  }
}

const CLIENT_ID = 'leat';
/** What stands in a token request and nowhere else. */
const SECRET_PARAMETERS = [
  'client_secret',
  'client_assertion',
  'assertion',
  'password',
  'code',
  'refresh_token',
  'subject_token',
  'actor_token',
];
const CLIENT_PARAMETERS = ['client_id', 'client_secret', 'client_assertion', 'client_assertion_type'];
export const USER_ISSUER = 'https://idp.example';

interface Teardown {
  teardown(end: () => unknown): void;
}

export async function startStrictOAuthServer(t: Teardown, options: StrictOptions): Promise<StrictServer> {
  const codes = new Map(options.codes?.map(({ code, redirectUri }) => [code, redirectUri]));
  const refreshTokens = new Set(options.refreshTokens);
  const assertionIds = new Set<string>();
  const requests: StrictServer['requests'] = [];
  const refusals: string[] = [];
  const issued: StrictServer['issued'] = [];

  async function authenticate(request: IncomingMessage, form: URLSearchParams): Promise<void> {
    const { client } = options;
    const basic = request.headers.authorization;
    const used = CLIENT_PARAMETERS.filter((name) => form.has(name)).join();
    const wanted = {
      Body: 'client_id,client_secret',
      Basic: '',
      PrivateKeyJwt: 'client_id,client_assertion,client_assertion_type',
      MutualTls: 'client_id',
      None: 'client_id',
    }[client.by];
    if (used !== wanted || (basic !== undefined) !== (client.by === 'Basic')) {
      throw new Refusal(
        'invalid_client',
        `${client.by} was expected, not ${used} ${basic === undefined ? '' : 'and Authorization'}`,
      );
    }
    if (client.by !== 'Basic' && form.get('client_id') !== CLIENT_ID) throw new Refusal('invalid_client', 'client_id');
    switch (client.by) {
      case 'Body':
        if (form.get('client_secret') !== client.secret) throw new Refusal('invalid_client', 'client_secret');
        return;
      case 'Basic': {
        const pair = Buffer.from(/^Basic (\S+)$/.exec(basic ?? '')?.[1] ?? '', 'base64').toString();
        const decoded = pair.split(':').map((part) => decodeURIComponent(part.replaceAll('+', ' ')));
        if (decoded[0] !== CLIENT_ID || decoded[1] !== client.secret)
          throw new Refusal('invalid_client', 'Authorization');
        return;
      }
      case 'PrivateKeyJwt': {
        if (form.get('client_assertion_type') !== 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer') {
          throw new Refusal('invalid_client', 'client_assertion_type');
        }
        const { payload, protectedHeader } = await jwtVerify(
          form.get('client_assertion') ?? '',
          createLocalJWKSet(client.keys),
          {
            issuer: CLIENT_ID,
            subject: CLIENT_ID,
            audience: client.audience,
            requiredClaims: ['exp', 'iat', 'jti'],
          },
        );
        if ((payload.exp ?? 0) - Date.now() / 1000 > 300) throw new Refusal('invalid_client', 'exp is too far away');
        if (assertionIds.has(payload.jti ?? '')) throw new Refusal('invalid_client', 'jti was used');
        assertionIds.add(payload.jti ?? '');
        if (client.certificate !== undefined) {
          const expected = Buffer.from(
            new X509Certificate(client.certificate).fingerprint256.replaceAll(':', ''),
            'hex',
          );
          if (protectedHeader['x5t#S256'] !== expected.toString('base64url'))
            throw new Refusal('invalid_client', 'x5t#S256');
        }
        return;
      }
      case 'MutualTls': {
        const { subject } = (request.socket as TLSSocket).getPeerCertificate();
        if (subject?.CN !== client.commonName) throw new Refusal('invalid_client', `certificate of ${subject?.CN}`);
        return;
      }
      case 'None':
    }
  }

  /** Takes the parameters of a grant out of the form, each of which must be there once; returns them. */
  function take(form: URLSearchParams, names: readonly string[]): string[] {
    return names.map((name) => {
      const [value, ...more] = form.getAll(name);
      if (value === undefined || value === '' || more.length > 0) throw new Refusal('invalid_request', `${name} once`);
      form.delete(name);
      return value;
    });
  }

  async function userOf(token: string): Promise<string> {
    const { payload } = await jwtVerify(token, createLocalJWKSet(options.userKeys ?? { keys: [] }), {
      issuer: USER_ISSUER,
      audience: 'leat',
      requiredClaims: ['exp', 'sub'],
    });
    return String(payload.sub);
  }

  /** Who the token is for. */
  async function judge(grant: string, form: URLSearchParams): Promise<string> {
    switch (grant) {
      case 'client_credentials':
        return CLIENT_ID;
      case 'password': {
        const [username, password] = take(form, ['username', 'password']);
        if (username !== options.password?.username || password !== options.password?.password)
          throw new Refusal('invalid_grant', 'password');
        return String(username);
      }
      case 'refresh_token': {
        const [refreshToken = ''] = take(form, ['refresh_token']);
        if (!refreshTokens.has(refreshToken)) throw new Refusal('invalid_grant', 'refresh_token');
        if (options.rotates) refreshTokens.delete(refreshToken);
        return 'refresher';
      }
      case 'authorization_code': {
        const [code = ''] = take(form, ['code']);
        const redirectUri = codes.get(code);
        if (redirectUri === undefined) throw new Refusal('invalid_grant', 'code');
        codes.delete(code);
        if (redirectUri !== null && take(form, ['redirect_uri'])[0] !== redirectUri)
          throw new Refusal('invalid_grant', 'redirect_uri');
        return 'coder';
      }
      case 'urn:ietf:params:oauth:grant-type:jwt-bearer': {
        const [assertion = ''] = take(form, ['assertion']);
        return userOf(assertion);
      }
      case 'urn:ietf:params:oauth:grant-type:saml2-bearer': {
        const [assertion = ''] = take(form, ['assertion']);
        if (!/^[\w-]+$/.test(assertion))
          throw new Refusal('invalid_grant', 'assertion is not base64url (RFC 7522 §2.1)');
        if (options.saml === undefined) throw new Refusal('unsupported_grant_type', grant);
        return checkSamlAssertion(Buffer.from(assertion, 'base64url').toString(), options.saml).nameId;
      }
      case 'urn:ietf:params:oauth:grant-type:token-exchange': {
        const { exchange } = options;
        const [subjectToken = '', subjectTokenType] = take(form, ['subject_token', 'subject_token_type']);
        if (subjectTokenType !== exchange?.subjectTokenType) throw new Refusal('invalid_request', 'subject_token_type');
        const subject = await userOf(subjectToken);
        if (
          exchange?.requestedTokenType !== undefined &&
          take(form, ['requested_token_type'])[0] !== exchange.requestedTokenType
        ) {
          throw new Refusal('invalid_request', 'requested_token_type');
        }
        if (exchange?.actor === undefined) return subject;
        const [actorToken, actorTokenType] = take(form, ['actor_token', 'actor_token_type']);
        if (actorToken !== exchange.actor.token || actorTokenType !== exchange.actor.tokenType)
          throw new Refusal('invalid_request', 'actor');
        return `${subject} by ${actorToken}`;
      }
    }
    throw new Refusal('unsupported_grant_type', grant);
  }

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const form = new URLSearchParams(body);
    const grant = form.get('grant_type') ?? '';
    requests.push({ grant, form: new URLSearchParams(body), atMs: performance.now() });
    for (const name of SECRET_PARAMETERS) noteSecret(name, form.get(name) ?? '');
    if (server.answer !== null) {
      server.answer(request, response);
      return;
    }
    try {
      const [path, query] = (request.url ?? '').split('?');
      if (request.method !== 'POST' || path !== (options.path ?? '/token') || query !== options.query)
        throw new Refusal('invalid_request', `${request.method} ${request.url}`);
      if (!/^application\/x-www-form-urlencoded(;|$)/.test(request.headers['content-type'] ?? ''))
        throw new Refusal('invalid_request', 'content-type');
      for (const [name, value] of Object.entries(options.headers ?? {})) {
        if (request.headers[name] !== value) throw new Refusal('invalid_request', `header ${name}`);
      }
      await authenticate(request, form);
      take(form, ['grant_type']);
      for (const name of CLIENT_PARAMETERS) form.delete(name);
      const subject = await judge(grant, form);
      for (const [name, value] of Object.entries(options.parameters ?? {})) {
        if (take(form, [name])[0] !== value) throw new Refusal('invalid_request', name);
      }
      if (form.size > 0) throw new Refusal('invalid_request', `not expected: ${[...form.keys()].join()}`);
      const token = options.makeToken === undefined ? `token-${randomUUID()}` : options.makeToken(request);
      if (token === null) throw new Refusal('invalid_client', `no tenant ${request.headers.host}`);
      noteSecret('token', token);
      issued.push({ token, subject });
      const isExchange = grant.endsWith(':token-exchange');
      const withRefresh = grant === 'authorization_code' || (grant === 'refresh_token' && options.rotates);
      const refreshToken = withRefresh ? `refresh-${randomUUID()}` : undefined;
      if (refreshToken !== undefined) {
        noteSecret('refresh token', refreshToken);
        refreshTokens.add(refreshToken);
      }
      send(response, 200, {
        access_token: token,
        token_type: 'Bearer',
        expires_in: options.expiresInSeconds ?? 3600,
        ...(isExchange ? { issued_token_type: 'urn:ietf:params:oauth:token-type:access_token' } : {}),
        ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
      });
    } catch (error) {
      const code = error instanceof Refusal ? error.code : 'invalid_grant';
      refusals.push(`${code}: ${(error as Error).message}`);
      send(response, code === 'invalid_client' ? 401 : 400, {
        error: code,
        error_description: (error as Error).message,
      });
    }
  }

  const listener = (request: IncomingMessage, response: ServerResponse): void => void respond(request, response);
  const { tls } = options;
  const http: Server =
    tls === undefined
      ? createServer(listener)
      : (createTlsServer(
          {
            cert: tls.certificate,
            key: tls.key,
            ...(tls.clientAuthority === undefined
              ? {}
              : { ca: tls.clientAuthority, requestCert: true, rejectUnauthorized: true }),
          },
          listener,
        ) as unknown as Server);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const stop = (): void => {
    http.close();
    http.closeAllConnections();
  };
  t.teardown(stop);
  const server: StrictServer = {
    port: (http.address() as AddressInfo).port,
    requests,
    refusals,
    issued,
    subjectOf: (field) => issued.find(({ token }) => field === `Bearer ${token}`)?.subject ?? null,
    answer: null,
    stop,
  };
  return server;
}

function send(response: ServerResponse, status: number, body: object): void {
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
  response.writeHead(status, headers).end(JSON.stringify(body));
}
