// SPDX-License-Identifier: Apache-2.0
import { isIPv6 } from 'node:net';
import type { Secret } from '../destination/secret.ts';
import { LeatError } from '../errors/leat-error.ts';
import { withDeadline } from '../net/deadline.ts';
import { type Parsed, readMessage } from '../net/read-message.ts';
import type { HttpConnectVia, Upstream } from '../routing/route.ts';
import type { TunnelSession } from './endpoint.ts';
import type { GetToken, Passage } from './passage.ts';
import { parseProxyAnswer, proxyRefusal } from './proxy-answer.ts';
import { proxyCredential } from './proxy-credential.ts';

/** Names as they can stand in a request line; an address in brackets is put there here. */
const NAME = /^[-._~!$&'()*+,;=%0-9A-Za-z]{1,255}$/;

/** CONNECT (RFC 9110 §9.3.6). @throws TUNNEL_ADDRESS_UNSUPPORTED, CREDENTIAL_*, SECRET_INVALID: before anything is sent */
export async function prepareHttpConnect(
  { host, port, connectTimeoutMs }: Upstream,
  { tunnel }: HttpConnectVia,
  token: GetToken,
): Promise<Passage> {
  if (!isIPv6(host) && !NAME.test(host)) {
    throw new LeatError(
      'TUNNEL_ADDRESS_UNSUPPORTED',
      'the name asked of the tunnel must have 1 to 255 ASCII characters: write international names as A-labels (xn--)',
    );
  }
  const authority = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const credential = await proxyCredential(tunnel.authentication, token);
  // The far end dials within this step: it gets the time that a direct dial would have.
  const timeoutMs = Math.max(tunnel.handshakeTimeoutMs, connectTimeoutMs);
  return {
    introduce: async () => {},
    ask: (session) => askForTarget(session, authority, credential, timeoutMs),
  };
}

/** Afterwards the socket belongs to the target, and bytes that came behind the answer are its first. */
async function askForTarget(
  { socket, name, signal }: TunnelSession,
  authority: string,
  credential: Secret | null,
  timeoutMs: number,
): Promise<void> {
  const parse = (bytes: Buffer): Parsed<number> => {
    try {
      return parseProxyAnswer(bytes);
    } catch (error) {
      throw error instanceof LeatError ? new LeatError(error.code, `${name}: ${error.message}`) : error;
    }
  };
  const onEnd = (cause: unknown): LeatError =>
    new LeatError('TUNNEL_UNREACHABLE', `${name} ended the connection instead of answering CONNECT`, { cause });
  const onTimeout = (): LeatError =>
    new LeatError('TUNNEL_TIMEOUT', `${name} did not answer CONNECT within ${timeoutMs} ms`);
  const fields = credential === null ? '' : `Proxy-Authorization: ${credential.reveal()}\r\n`;
  const status = await withDeadline(timeoutMs, onTimeout, signal, (inner) => {
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${fields}\r\n`, 'latin1');
    return readMessage(socket, { parse, onEnd, signal: inner });
  });
  if (status > 299) throw proxyRefusal(status, `${name} does not connect to ${authority}`);
}
