// SPDX-License-Identifier: Apache-2.0
/**
 * The XSUAA token endpoint and the Destination service, as strict as SAP's: what they would refuse is refused. One port
 * serves both, over TLS; client certificates are asked for and judged at the token endpoint.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import type { DestinationServiceConfiguration, DestinationServiceControl, Entry } from './destination-service.ts';
import { emit, readConfiguration, serve } from './node-server.ts';

const configuration = readConfiguration<DestinationServiceConfiguration>();
let control: DestinationServiceControl = {};
let entries = configuration.entries;
/** With the subdomain of the tenant; null: that of the binding. */
let serviceTokens = new Map<string, string | null>();
let count = 0;

const LEVELS = ['subaccount', 'instance', 'provider_subaccount', 'provider_instance'];
/** SAP Help, "Find Destination": request headers. Each may stand once. */
const USER_HEADER: Readonly<Record<string, string>> = {
  OAuth2JWTBearer: 'x-user-token',
  OAuth2UserTokenExchange: 'x-user-token',
  OAuth2SAMLBearerAssertion: 'x-user-token',
  SAMLAssertion: 'x-user-token',
  OAuth2RefreshToken: 'x-refresh-token',
  OAuth2AuthorizationCode: 'x-code',
  OAuth2TokenExchange: 'x-subject-token',
  SAPAssertionSSO: 'x-user-token',
};
/** Their `SystemUser` is the user, and no token of one is needed. */
const OF_SYSTEM_USER = ['OAuth2SAMLBearerAssertion', 'SAMLAssertion', 'SAPAssertionSSO'];

const REFUSED_USER = 'no-token-of-a-user';

type Answer = readonly [status: number, body: object, headers?: Record<string, string>];

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'https://service');
  if (control.delayMs !== undefined) await sleep(control.delayMs);
  if (url.pathname === (configuration.ias ? '/oauth2/token' : '/oauth/token')) {
    send(response, ...(await issueToken(request)));
    return;
  }
  const call = { method: request.method, path: request.url, headers: pairs(request.rawHeaders) };
  emit('call', call);
  if (control.reset === true) {
    request.socket.destroy();
    return;
  }
  if (control.html === true) {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end('<html>Sign in to continue</html>');
    return;
  }
  if (control.status !== undefined) {
    send(response, control.status, { ErrorMessage: 'as told' });
    return;
  }
  send(response, ...find(request, url));
}

async function issueToken(request: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const form = new URLSearchParams(Buffer.concat(chunks).toString());
  const refuse = (status: number, error: string): Answer => [status, { error, error_description: 'Bad credentials' }];
  emit('token', { form: [...form.keys()] });
  if (control.tokenStatus !== undefined) return refuse(control.tokenStatus, 'server_error');
  if (request.method !== 'POST') return refuse(405, 'method_not_allowed');
  if (!/^application\/x-www-form-urlencoded\b/.test(request.headers['content-type'] ?? '')) {
    return refuse(415, 'unsupported_media_type');
  }
  if (form.get('grant_type') !== 'client_credentials') return refuse(400, 'unsupported_grant_type');
  const { clientId, clientSecret } = configuration;
  if (form.get('client_id') !== clientId) return refuse(401, 'unauthorized');
  if (clientSecret !== null && form.get('client_secret') !== clientSecret) return refuse(401, 'unauthorized');
  const socket = request.socket as TLSSocket;
  if (clientSecret === null && (!socket.authorized || form.has('client_secret'))) return refuse(401, 'unauthorized');
  if (clientSecret === null) emit('subject', { name: socket.getPeerCertificate().subject.CN });
  const subdomain = tenantOf(request);
  if (subdomain === undefined) return refuse(404, 'not_found');
  if (subdomain !== null && !configuration.tenants[subdomain]?.isSubscribed) return refuse(401, 'unauthorized');
  count += 1;
  const token = `${configuration.tokenPrefix}${count}`;
  serviceTokens.set(token, subdomain);
  const body = { access_token: token, token_type: 'bearer', expires_in: 43_199, scope: 'uaa.resource', jti: 'j' };
  return [200, body];
}

/** Of a token request: by its host, or by `X-zid`. undefined: there is no such tenant. */
function tenantOf({ headers }: IncomingMessage): string | null | undefined {
  const zid = headers['x-zid'];
  if (zid !== undefined) {
    return Object.entries(configuration.tenants).find(([, { id }]) => id === zid)?.[0];
  }
  const host = (headers.host ?? '').replace(/:\d+$/, '');
  if (host === configuration.host) return null;
  const [label = ''] = host.split('.');
  return Object.hasOwn(configuration.tenants, label) ? label : undefined;
}

function find(request: IncomingMessage, url: URL): Answer {
  const twice = repeated(request.rawHeaders);
  if (twice !== null) return [400, { ErrorMessage: `Header ${twice} is given more than once` }];
  const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  const tenant = bearer === undefined ? undefined : serviceTokens.get(bearer);
  if (tenant === undefined) return [401, { ErrorMessage: 'Unauthorized' }];
  const known = tenant === null ? entries : (configuration.tenants[tenant]?.entries ?? []);
  // SAP Help, "Calling the Destination Service REST API via IAS Token" and "Consume Destination"
  if (configuration.ias && !(request.socket as TLSSocket).authorized) {
    return [401, { ErrorMessage: 'the token is bound to a certificate' }];
  }
  if (configuration.ias && url.pathname.includes('/v2/')) return [403, { ErrorMessage: 'Forbidden' }];
  const list =
    /^\/destination-configuration\/v1\/(subaccount|instance)(Destinations|Certificates)(?:\/([^/]+)(\/labels)?)?$/.exec(
      url.pathname,
    );
  if (request.method === 'GET' && list !== null) {
    const [, level = '', kind, name, labels] = list;
    if (configuration.ias && level === 'instance') return [403, { ErrorMessage: 'Forbidden' }];
    if (kind === 'Destinations' && name !== undefined && labels !== undefined) {
      const labelled = atLevel(level).find(({ properties }) => properties.Name === decodeURIComponent(name));
      return labelled === undefined ? [404, { ErrorMessage: 'not found' }] : [200, labelled.labels ?? []];
    }
    if (kind === 'Certificates' && name !== undefined) return certificateAt(level, decodeURIComponent(name));
    if (kind === 'Destinations' && name === undefined) return page(level, url.searchParams);
  }
  const v1 = /^\/destination-configuration\/v1\/destinations\/([^/@]+)$/.exec(url.pathname);
  const v2 = /^\/destination-configuration\/v2\/destinations\/([^/@]+)@([a-z_]+)$/.exec(url.pathname);
  if (request.method !== 'GET' || (v1 === null && v2 === null)) return [404, { ErrorMessage: 'no such resource' }];
  const level = v2?.[2];
  if (level !== undefined && !LEVELS.includes(level)) return [400, { ErrorMessage: 'Invalid level' }];
  const allowed = v1 === null ? [] : ['$skipTokenRetrieval'];
  for (const name of url.searchParams.keys()) {
    if (!allowed.includes(name)) return [400, { ErrorMessage: `Unknown parameter ${name}` }];
  }
  const name = decodeURIComponent((v1 ?? v2)?.[1] ?? '');
  const entryAt = (at: string): Entry | undefined =>
    known.find(({ properties, level: own = 'subaccount' }) => properties.Name === name && own === at);
  const entry = v1 === null ? entryAt(level ?? '') : (entryAt('instance') ?? entryAt('subaccount'));
  if (entry === undefined) {
    // the words of SAP's SDK tests (cloud-sdk-js, destination-service tests)
    return [404, { ErrorMessage: 'Configuration with the specified name was not found' }];
  }
  const merged = mergeFragments(request, entry, level);
  if ('refusal' in merged) return [merged.status, { ErrorMessage: merged.refusal }];
  const refusal = refusalOf(request, merged.properties);
  if (refusal !== null) return [400, { ErrorMessage: refusal }];
  const skips = url.searchParams.get('$skipTokenRetrieval') === 'true';
  const authTokens = skips ? undefined : tokensOf(request, entry, merged.properties);
  const body = {
    ...(v1 === null ? {} : { owner: { SubaccountId: '9acf4877-5a3d-43d2-b67d-7516efe15b11', InstanceId: null } }),
    destinationConfiguration: merged.properties,
    ...(authTokens === undefined ? {} : { authTokens }),
    ...(entry.certificates === undefined ? {} : { certificates: entry.certificates }),
  };
  return [200, body];
}

/** Lists are of the tenant of the binding. */
function atLevel(level: string): Entry[] {
  return entries.filter((entry) => (entry.level ?? 'subaccount') === level);
}

/** SAP Cloud SDK, generated client `DestinationsOnSubaccountLevelApi`: its parameters; an array without tokens. */
function page(level: string, parameters: URLSearchParams): Answer {
  for (const name of parameters.keys()) {
    if (!['$page', '$pageSize', '$pageCount'].includes(name))
      return [400, { ErrorMessage: `Unknown parameter ${name}` }];
  }
  const all = atLevel(level).map(({ properties }) => properties);
  const size = Number(parameters.get('$pageSize') ?? all.length);
  const at = (Number(parameters.get('$page') ?? 1) - 1) * size;
  if (!(size >= 1 && size <= 1000) || at < 0) return [400, { ErrorMessage: 'Invalid page' }];
  const counted = parameters.get('$pageCount') === 'true' && control.countsPages !== false;
  const headers = counted ? { 'Page-Count': String(Math.ceil(all.length / size)) } : {};
  return [200, all.slice(at, at + size), headers];
}

function certificateAt(level: string, name: string): Answer {
  const found = atLevel(level)
    .flatMap(({ certificates = [] }) => certificates)
    .find((certificate) => certificate.Name === name);
  return found === undefined ? [404, { ErrorMessage: 'Certificate was not found' }] : [200, found];
}

/** What the service answers with 400 where tokens are asked for: headers that do not fit the entry. */
function refusalOf({ headers }: IncomingMessage, { tokenServiceURLType }: Record<string, string>): string | null {
  if (headers['x-tenant'] !== undefined && tokenServiceURLType !== 'Common') return 'X-tenant is for Common only';
  const isGiven = headers['x-client-assertion'] !== undefined || headers['x-client-assertion-type'] !== undefined;
  if (isGiven && headers['x-client-assertion-destination-name'] !== undefined) return 'client assertions are mixed';
  if (headers['x-user-token'] === REFUSED_USER) return 'X-user-token is no token of a user';
  return null;
}

type Merged = { readonly properties: Record<string, string> } | { readonly refusal: string; readonly status: number };

/** SAP Help, "Destination Fragments": keys of later ones win; a missing one is an error unless it is optional. */
function mergeFragments({ headers }: IncomingMessage, { properties }: Entry, level: string | undefined): Merged {
  const given = headers['x-fragment-name'];
  const names = typeof given === 'string' ? given.split(',') : [];
  const optional = headers['x-fragment-optional'];
  if (optional !== undefined && optional !== 'true' && optional !== 'false') return refused('X-Fragment-Optional', 400);
  if (optional !== undefined && names.length !== 1) return refused('X-Fragment-Optional needs one fragment', 400);
  let merged = { ...properties };
  const found: string[] = [];
  for (const text of names) {
    const [name = '', at] = text.split('@');
    if (at !== undefined && (level === undefined || !LEVELS.includes(at))) return refused('level of a fragment', 400);
    const fragment = configuration.fragments.find((one) => one.FragmentName === name);
    if (fragment === undefined && optional !== 'true') return refused(`Fragment ${name} was not found`, 404);
    if (fragment === undefined) continue;
    const { FragmentName: _, ...rest } = fragment;
    merged = { ...merged, ...rest };
    found.push(name);
  }
  return { properties: found.length === 0 ? merged : { ...merged, FragmentName: found.join(',') } };
}

function refused(refusal: string, status: number): Merged {
  return { refusal, status };
}

/** Tokens say whom they are for, so that tests see what the target got. */
function tokensOf(
  { headers }: IncomingMessage,
  { tokenError, expiresIn, headerName }: Entry,
  { Authentication: type = '', SystemUser: systemUser, tokenServiceURLType }: Record<string, string>,
): object[] | undefined {
  if (tokenError !== undefined) return [{ type: '', value: '', error: tokenError, expires_in: '0' }];
  if (type === 'NoAuthentication' || type === 'BasicAuthentication' || type === '') return undefined;
  const wanted = systemUser !== undefined && OF_SYSTEM_USER.includes(type) ? undefined : USER_HEADER[type];
  if (tokenServiceURLType === 'Common' && headers['x-tenant'] === undefined && wanted === undefined) {
    return [{ type: '', value: '', error: 'tokenServiceURLType is Common, but there is no tenant' }];
  }
  const user = wanted === undefined ? 'technical' : headers[wanted];
  if (typeof user !== 'string' || user === '') {
    return [{ type: '', value: '', error: `Missing or invalid value for header ${wanted}` }];
  }
  count += 1;
  const inTenant = headers['x-tenant'] === undefined ? '' : `-in-${String(headers['x-tenant'])}`;
  const value = `for-${user}${inTenant}-${count}`;
  if (type === 'SAPAssertionSSO') {
    // cloud-sdk-java, DestinationServiceTest: the ticket is in a Cookie, and nothing says how long it is good
    return [{ type: 'MYSAPSSO2', value, http_header: { key: 'Cookie', value: `MYSAPSSO2=${value}` } }];
  }
  const scheme = type === 'SAMLAssertion' ? 'SAML2.0' : 'Bearer';
  return [
    {
      type: scheme,
      value,
      http_header: { key: headerName ?? 'Authorization', value: `${scheme} ${value}` },
      ...(expiresIn === null ? {} : { expires_in: expiresIn ?? '3600' }),
      scope: 'read',
    },
  ];
}

function pairs(raw: readonly string[]): [string, string][] {
  return raw.flatMap((name, at) => (at % 2 === 0 ? [[name, raw[at + 1] ?? '']] : [])) as [string, string][];
}

function repeated(raw: readonly string[]): string | null {
  const seen = new Set<string>();
  for (const [name] of pairs(raw)) {
    if (seen.has(name.toLowerCase())) return name;
    seen.add(name.toLowerCase());
  }
  return null;
}

function send(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

const { certificate, key, ca } = configuration;
const server = createServer(
  { cert: certificate, key, ca, requestCert: true, rejectUnauthorized: false },
  (request, response) => {
    answer(request, response).catch((error: unknown) => {
      emit('failed', { error: String(error) });
      response.destroy();
    });
  },
);
createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'flush') {
    emit('flushed');
    return;
  }
  const { replace, revokeAll, ...rest } = JSON.parse(line) as DestinationServiceControl;
  control = rest;
  if (replace !== undefined) entries = replace;
  if (revokeAll === true) serviceTokens = new Map();
  emit('controlled');
});
serve(server, configuration);
