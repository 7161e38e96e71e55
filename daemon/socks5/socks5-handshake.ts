// SPDX-License-Identifier: Apache-2.0
/** The two halves of a SOCKS5 handshake over a connected socket; all states are awaits, each with its deadline. */
import type { Socket } from 'node:net';
import type { Tunnel } from '../destination/destination.ts';
import type { Secret } from '../destination/secret.ts';
import { LeatError } from '../errors/leat-error.ts';
import { withDeadline } from '../net/deadline.ts';
import { type Parsed, readMessage } from '../net/read-message.ts';
import type { TargetAddress } from './socks5-address.ts';
import {
  encodeConnect,
  encodeGreeting,
  encodeSapJwt,
  encodeUserPassword,
  METHOD_NONE,
  METHOD_NONE_ACCEPTABLE,
  METHOD_SAP_JWT,
  METHOD_USER_PASSWORD,
  parseAuthenticationStatus,
  parseMethodSelection,
  parseReply,
} from './socks5-codec.ts';
import { type ReplyDialect, replyError } from './socks5-reply.ts';

/** What Leat shows to the tunnel: the one method that is offered, and nothing else is accepted. */
export type TunnelCredential =
  | { readonly type: 'None' }
  | { readonly type: 'UserPassword'; readonly username: Secret; readonly password: Secret }
  | { readonly type: 'SapJwt'; readonly token: Secret; readonly locationId: string | null };

const METHODS: Readonly<Record<Tunnel['authentication']['type'], number>> = {
  None: METHOD_NONE,
  UserPassword: METHOD_USER_PASSWORD,
  SapJwt: METHOD_SAP_JWT,
};

interface Step<T> {
  readonly name: string;
  readonly request: Buffer;
  readonly parse: (bytes: Buffer) => Parsed<T>;
  readonly timeoutMs: number;
}

/** A connection to one endpoint of a tunnel. */
export interface TunnelSession {
  readonly socket: Socket;
  /** `tunnel onprem (10.0.0.9 port 1080)`: for messages. */
  readonly name: string;
  readonly signal: AbortSignal;
}

/**
 * Method and authentication: afterwards the tunnel waits for a request.
 * @throws TUNNEL_PROTOCOL, TUNNEL_TIMEOUT, TUNNEL_UNREACHABLE, TUNNEL_AUTHENTICATION, SECRET_INVALID
 */
export async function authenticate(
  session: TunnelSession,
  credential: TunnelCredential,
  timeoutMs: number,
): Promise<void> {
  const offered = METHODS[credential.type];
  const request = encodeGreeting(offered);
  const chosen = await take(session, { name: 'method selection', request, parse: parseMethodSelection, timeoutMs });
  if (chosen === METHOD_NONE_ACCEPTABLE) {
    throw new LeatError(
      'TUNNEL_AUTHENTICATION',
      `${session.name} does not accept authentication.type ${credential.type} (SOCKS5 method ${offered})`,
    );
  }
  if (chosen !== offered) {
    throw new LeatError('TUNNEL_PROTOCOL', `${session.name} chose method ${chosen}, which it was not offered`);
  }
  if (credential.type === 'None') return;
  const { accepted } = await take(session, {
    name: 'authentication',
    request: encodeCredential(credential),
    parse: parseAuthenticationStatus,
    timeoutMs,
  });
  if (!accepted) {
    throw new LeatError('TUNNEL_AUTHENTICATION', `${session.name} does not accept the credential of the Tunnel`);
  }
}

/**
 * CONNECT: afterwards the socket belongs to the target, and bytes that came behind the reply are its first.
 * @throws TUNNEL_*, by the reply
 */
export async function requestConnect(
  session: TunnelSession,
  target: TargetAddress,
  port: number,
  options: { readonly dialect: ReplyDialect; readonly timeoutMs: number },
): Promise<void> {
  const request = encodeConnect(target, port);
  const { timeoutMs } = options;
  const code = await take(session, { name: 'connect', request, parse: parseReply, timeoutMs });
  if (code === 0) return;
  const asked = 'name' in target ? target.name : target.address;
  throw replyError(code, options.dialect, `${session.name} does not connect to ${asked} port ${port}`);
}

function encodeCredential(credential: Exclude<TunnelCredential, { type: 'None' }>): Buffer {
  return credential.type === 'UserPassword'
    ? encodeUserPassword(credential.username.reveal(), credential.password.reveal())
    : encodeSapJwt(credential.token.reveal(), credential.locationId);
}

async function take<T>({ socket, name, signal }: TunnelSession, step: Step<T>): Promise<T> {
  const onTimeout = (): LeatError =>
    new LeatError('TUNNEL_TIMEOUT', `${name} did not answer the ${step.name} within ${step.timeoutMs} ms`);
  const onEnd = (cause: unknown): LeatError =>
    new LeatError('TUNNEL_UNREACHABLE', `${name} ended the connection instead of answering the ${step.name}`, {
      cause,
    });
  const parse = (bytes: Buffer): Parsed<T> => {
    try {
      return step.parse(bytes);
    } catch (error) {
      throw error instanceof LeatError ? new LeatError(error.code, `${name}: ${error.message}`) : error;
    }
  };
  return withDeadline(step.timeoutMs, onTimeout, signal, (inner) => {
    socket.write(step.request);
    return readMessage(socket, { parse, onEnd, signal: inner });
  });
}
