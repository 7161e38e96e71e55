// SPDX-License-Identifier: Apache-2.0
/** The two halves of a SOCKS5 handshake over a connected socket; all states are awaits, each with its deadline. */
import type { Secret } from '../destination/secret.ts';
import { LeatError } from '../errors/leat-error.ts';
import { withDeadline } from '../net/deadline.ts';
import { type Parsed, readMessage } from '../net/read-message.ts';
import type { TunnelSession } from './endpoint.ts';
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

const METHODS: Readonly<Record<TunnelCredential['type'], number>> = {
  None: METHOD_NONE,
  UserPassword: METHOD_USER_PASSWORD,
  SapJwt: METHOD_SAP_JWT,
};

/** One question and its answer: to be played by Node on a socket, or by the relay's engine from bytes. */
export interface HandshakeStep<T> {
  readonly name: string;
  readonly request: Buffer;
  readonly parse: (bytes: Buffer) => Parsed<T>;
  /** @throws what an answer means that is no consent */
  readonly judge: (value: T) => void;
  /** How consent begins; for all but a reply, the whole of it. */
  readonly expected: Buffer;
  readonly isReply: boolean;
  readonly timeoutMs: number;
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
  for (const step of authenticationSteps(session.name, credential, timeoutMs)) await play(session, step);
}

/**
 * CONNECT: afterwards the socket belongs to the target, and bytes that came behind the reply are its first.
 * @throws TUNNEL_*, by the reply
 */
export function requestConnect(
  session: TunnelSession,
  target: TargetAddress,
  port: number,
  options: { readonly dialect: ReplyDialect; readonly timeoutMs: number },
): Promise<void> {
  return play(session, connectStep(session.name, target, port, options));
}

/** @throws SECRET_INVALID, CREDENTIAL_UNAVAILABLE: the credential can't be sent */
export function authenticationSteps(
  tunnel: string,
  credential: TunnelCredential,
  timeoutMs: number,
): HandshakeStep<unknown>[] {
  const offered = METHODS[credential.type];
  const greeting: HandshakeStep<number> = {
    name: 'method selection',
    request: encodeGreeting(offered),
    parse: parseMethodSelection,
    judge(chosen) {
      if (chosen === METHOD_NONE_ACCEPTABLE) {
        throw new LeatError(
          'TUNNEL_AUTHENTICATION',
          `${tunnel} does not accept authentication.type ${credential.type} (SOCKS5 method ${offered})`,
        );
      }
      if (chosen !== offered) {
        throw new LeatError('TUNNEL_PROTOCOL', `${tunnel} chose method ${chosen}, which it was not offered`);
      }
    },
    expected: Buffer.from([5, offered]),
    isReply: false,
    timeoutMs,
  };
  if (credential.type === 'None') return [greeting as HandshakeStep<unknown>];
  const authentication: HandshakeStep<{ readonly accepted: boolean }> = {
    name: 'authentication',
    request: encodeCredential(credential),
    parse: parseAuthenticationStatus,
    judge({ accepted }) {
      if (accepted) return;
      throw new LeatError('TUNNEL_AUTHENTICATION', `${tunnel} does not accept the credential of the Tunnel`);
    },
    expected: Buffer.from([1, 0]),
    isReply: false,
    timeoutMs,
  };
  return [greeting as HandshakeStep<unknown>, authentication as HandshakeStep<unknown>];
}

/** CONNECT (RFC 1928 §4); a reply other than 0 becomes an error in the words of the dialect. */
export function connectStep(
  tunnel: string,
  target: TargetAddress,
  port: number,
  options: { readonly dialect: ReplyDialect; readonly timeoutMs: number },
): HandshakeStep<unknown> {
  const step: HandshakeStep<number> = {
    name: 'connect',
    request: encodeConnect(target, port),
    parse: parseReply,
    judge(code) {
      if (code === 0) return;
      const asked = 'name' in target ? target.name : target.address;
      throw replyError(code, options.dialect, `${tunnel} does not connect to ${asked} port ${port}`);
    },
    expected: Buffer.from([5, 0]),
    isReply: true,
    timeoutMs: options.timeoutMs,
  };
  return step as HandshakeStep<unknown>;
}

/** The error of a server that left a step unanswered. */
export function stepTimeout(tunnel: string, { name, timeoutMs }: HandshakeStep<unknown>): LeatError {
  return new LeatError('TUNNEL_TIMEOUT', `${tunnel} did not answer the ${name} within ${timeoutMs} ms`);
}

/** The error of a server that ended the connection in the middle of the handshake. */
export function stepEnded(tunnel: string, { name }: HandshakeStep<unknown>, cause: unknown): LeatError {
  return new LeatError('TUNNEL_UNREACHABLE', `${tunnel} ended the connection instead of answering the ${name}`, {
    cause,
  });
}

function encodeCredential(credential: Exclude<TunnelCredential, { type: 'None' }>): Buffer {
  return credential.type === 'UserPassword'
    ? encodeUserPassword(credential.username.reveal(), credential.password.reveal())
    : encodeSapJwt(credential.token.reveal(), credential.locationId);
}

async function play({ socket, name, signal }: TunnelSession, step: HandshakeStep<unknown>): Promise<void> {
  const parse = (bytes: Buffer): Parsed<unknown> => {
    try {
      return step.parse(bytes);
    } catch (error) {
      throw error instanceof LeatError ? new LeatError(error.code, `${name}: ${error.message}`) : error;
    }
  };
  const onEnd = (cause: unknown): LeatError => stepEnded(name, step, cause);
  const answer = await withDeadline(
    step.timeoutMs,
    () => stepTimeout(name, step),
    signal,
    (inner) => {
      socket.write(step.request);
      return readMessage(socket, { parse, onEnd, signal: inner });
    },
  );
  step.judge(answer);
}
