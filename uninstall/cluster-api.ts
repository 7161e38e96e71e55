// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const TIMEOUT_MS = 10_000;

/** An answer of the API server, as it comes. */
// biome-ignore lint/suspicious/noExplicitAny: objects of an API server
export type ApiObject = any;

/** A refusal of the API server. */
export class ApiRefusal extends Error {
  override readonly name = 'ApiRefusal';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * Asks the API server of the cluster that this pod runs in. The CA comes by NODE_EXTRA_CA_CERTS; the token is read anew, as it
 * rotates.
 *
 * @throws ApiRefusal, TypeError where it is out of reach
 */
export async function askCluster(method: string, path: string, body?: object, type = 'application/json') {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = process.env;
  const token = (await readFile(`${ACCOUNT}/token`, 'utf8')).trim();
  const response = await fetch(`https://${host.includes(':') ? `[${host}]` : host}:${port}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': type },
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer: ApiObject = await response.json().catch(() => ({}));
  if (!response.ok)
    throw new ApiRefusal(response.status, `${method} ${path}: ${response.status} ${answer.message ?? ''}`);
  return answer;
}
