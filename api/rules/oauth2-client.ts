// SPDX-License-Identifier: Apache-2.0
/** Rules about the OAuth 2.0 client of a Destination or a Tunnel. No message shows a URL: it may hold a password. */
import { type FieldPath, type FieldProblem, problemAt } from '../field-problem.ts';
import type { OAuth2Client } from '../schema/parts.ts';

/** Parameters that Leat sends itself: RFC 6749 §3.2 allows each once. */
const OWN_PARAMETERS = new Set(['grant_type', 'client_id', 'client_secret', 'scope']);

export function checkOAuth2Client(client: OAuth2Client, path: FieldPath): FieldProblem[] {
  return [
    ...checkTokenUrl(client, [...path, 'tokenUrl']),
    ...(client.parameters ?? []).flatMap(({ name }, index) =>
      OWN_PARAMETERS.has(name)
        ? [problemAt([...path, 'parameters', index, 'name'], 'is sent by Leat itself: use its own field', name)]
        : [],
    ),
  ];
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
