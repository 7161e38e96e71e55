// SPDX-License-Identifier: Apache-2.0
/**
 * `use-sap-sdk.ts TOKEN`: asks through SAP's SDK as an application does, and prints what came as one line of JSON, the last.
 * TOKEN is that of a user.
 */
import { registerDestination } from '@sap-cloud-sdk/connectivity';
import { executeHttpRequest, type HttpRequestConfig } from '@sap-cloud-sdk/http-client';

const [jwt = ''] = process.argv.slice(2);

interface Came {
  readonly status: number;
  readonly data: unknown;
  readonly internalCode: string | null;
}

/** A failure as the SDK tells it: with the answer beneath. */
async function ask(destinationName: string, request: HttpRequestConfig, user?: string): Promise<Came> {
  const destination = user === undefined ? { destinationName } : { destinationName, jwt: user };
  const answer = await executeHttpRequest(destination, request).catch((error: unknown) => answerOf(error));
  return {
    status: answer.status,
    data: answer.data,
    internalCode: answer.headers['x-error-internal-code'] ?? null,
  };
}

function answerOf(error: unknown): Awaited<ReturnType<typeof executeHttpRequest>> {
  const { response, cause } = error as { response?: Awaited<ReturnType<typeof executeHttpRequest>>; cause?: unknown };
  if (response !== undefined) return response;
  if (cause !== undefined) return answerOf(cause);
  throw error;
}

// In its registry by the name of the Service, and by the target's own name: nothing else is known to the application.
await registerDestination({ name: 'gateway', url: 'http://gateway.shop' });
await registerDestination({ name: 'for-user', url: 'http://gateway.shop', forwardAuthToken: true }, { jwt });
await registerDestination({ name: 'erp', url: 'http://erp.partner.test' });

const named = (name: string) => ({ 'X-Destination-Name': name });
const came = {
  gateway: await ask('gateway', { method: 'get', url: '/orders', params: { top: 1 }, headers: named('TOKEN') }),
  // Asks for a CSRF token first, by HEAD.
  posted: await ask('gateway', { method: 'post', url: '/orders', data: { item: 7 }, headers: named('TOKEN') }),
  user: await ask('for-user', { method: 'get', url: '/me', headers: named('USER') }, jwt),
  missing: await ask('gateway', { method: 'get', url: '/', headers: named('GONE') }),
  unnamed: await ask('gateway', { method: 'get', url: '/' }),
  managed: await ask('erp', { method: 'get', url: '/orders' }),
};
process.stdout.write(`${JSON.stringify(came)}\n`);
