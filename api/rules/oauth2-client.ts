// SPDX-License-Identifier: Apache-2.0
/** Rules about the OAuth 2.0 client of a Destination or a Tunnel. No message shows a URL: it may hold a password. */
import { OAUTH2_DEFAULTS } from '../defaults.ts';
import { type FieldPath, type FieldProblem, problemAt } from '../field-problem.ts';
import type { OAuth2Client } from '../schema/oauth2-client.ts';
import { checkHeaderName } from './added-fields.ts';
import { exactlyOneOf } from './choices.ts';
import { checkTlsIdentity } from './credential-parts.ts';

/** Parameters that Leat sends itself: RFC 6749 §3.2 allows each once. */
const OWN_PARAMETERS = new Set([
  'grant_type',
  'client_id',
  'client_secret',
  'client_assertion',
  'client_assertion_type',
  'scope',
  'username',
  'password',
  'code',
  'redirect_uri',
  'refresh_token',
  'assertion',
  'subject_token',
  'subject_token_type',
  'actor_token',
  'actor_token_type',
  'requested_token_type',
]);

/** Whether a parameter of the token request is Leat's own to write. */
export function isOwnParameter(name: string): boolean {
  return OWN_PARAMETERS.has(name);
}

/** A client of a token service: the way it authenticates, and nothing in parameters or headers that Leat sends itself. */
export function checkOAuth2Client(client: OAuth2Client, path: FieldPath): FieldProblem[] {
  const { parameters = [], headers = [], queries = [], tunnel, locationId } = client;
  return [
    ...checkTokenUrl(client, [...path, 'tokenUrl']),
    ...checkClientAuthentication(client, path),
    ...parameters.flatMap(({ name }, index) =>
      isOwnParameter(name)
        ? [problemAt([...path, 'parameters', index, 'name'], 'is sent by Leat itself: use its own field', name)]
        : [],
    ),
    ...headers.flatMap((header, index) => {
      const at = [...path, 'headers', index];
      return [...exactlyOneOf(header, at, ['value', 'secret']), ...checkTokenHeader(header.name, [...at, 'name'])];
    }),
    ...queries.flatMap((query, index) => exactlyOneOf(query, [...path, 'queries', index], ['value', 'secret'])),
    ...(locationId !== undefined && tunnel === undefined
      ? [problemAt([...path, 'locationId'], 'belongs to tunnel, which is not given')]
      : []),
  ];
}

/** Those of the request itself, which Leat writes. */
const OWN_HEADERS = new Set(['authorization', 'content-type', 'accept', 'expect']);

/** Whether a header of the token request is Leat's own to write, or belongs to the connection. */
export function isOwnTokenHeader(name: string): boolean {
  return checkTokenHeader(name, []).length > 0;
}

function checkTokenHeader(name: string, path: FieldPath): FieldProblem[] {
  if (OWN_HEADERS.has(name.toLowerCase())) return [problemAt(path, 'is sent by Leat itself', name)];
  return checkHeaderName(name, path);
}

function checkClientAuthentication(client: OAuth2Client, path: FieldPath): FieldProblem[] {
  const { clientAuthentication: method = OAUTH2_DEFAULTS.clientAuthentication, clientId, secret } = client;
  const problems: FieldProblem[] = [];
  const needsSecret = method === 'Body' || method === 'Basic';
  if (secret === undefined && (needsSecret || clientId === undefined)) {
    const why = needsSecret
      ? `is required for clientAuthentication ${method}`
      : 'is required where clientId is not given';
    problems.push(problemAt([...path, 'secret'], why));
  }
  if (clientId !== undefined && client.clientIdKey !== undefined) {
    problems.push(problemAt([...path, 'clientIdKey'], 'stands beside clientId: remove one of the two'));
  }
  for (const [field, owner] of [
    ['privateKeyJwt', 'PrivateKeyJwt'],
    ['clientCertificate', 'MutualTls'],
  ] as const) {
    // A certificate may be shown in TLS besides any other proof.
    if (method === owner && client[field] === undefined) {
      problems.push(problemAt([...path, field], `is required for clientAuthentication ${owner}`));
    } else if (method !== owner && field === 'privateKeyJwt' && client[field] !== undefined) {
      problems.push(problemAt([...path, field], `belongs to clientAuthentication ${owner}, but that is ${method}`));
    }
  }
  if (client.clientCertificate !== undefined) {
    problems.push(...checkTlsIdentity(client.clientCertificate, [...path, 'clientCertificate']));
    if (URL.parse(client.tokenUrl)?.protocol === 'http:') {
      problems.push(problemAt([...path, 'clientCertificate'], 'needs a tokenUrl of https://: it is shown in TLS only'));
    }
  }
  return problems;
}

function checkTokenUrl({ tokenUrl, allowCleartext }: OAuth2Client, path: FieldPath): FieldProblem[] {
  const url = URL.parse(tokenUrl);
  if (url === null) return [problemAt(path, 'is no valid URL')];
  if (url.username !== '' || url.password !== '') {
    return [problemAt(path, 'must not hold user or password: they belong into the Secret')];
  }
  // RFC 6749 §3.2
  if (tokenUrl.includes('#')) return [problemAt(path, 'must not have a fragment (behind "#")')];
  if (url.protocol === 'http:' && allowCleartext !== true) {
    return [
      problemAt(path, 'would send the client secret in clear: use https://, or set allowCleartext: true beside it'),
    ];
  }
  return [];
}
