// SPDX-License-Identifier: Apache-2.0
import type { Socks5Tunnel } from '../destination/destination.ts';
import { LeatError } from '../errors/leat-error.ts';
import { connectionError } from '../net/connection-error.ts';
import { connectTimeout } from '../net/dial.ts';
import { formatEndpoint, type IpAddress } from '../net/endpoint.ts';
import type { Socks5Via, Upstream } from '../routing/route.ts';
import { asTunnelError, tunnelName } from './endpoint.ts';
import { authenticationSteps, connectStep, type HandshakeStep, stepEnded, stepTimeout } from './socks5-handshake.ts';
import { admitTarget } from './socks5-passage.ts';

/** What the relay's engine has to know to take a connection through a tunnel by itself. */
export interface TunnelPlan {
  readonly address: IpAddress;
  readonly port: number;
  readonly connectTimeoutMs: number;
  readonly script: Buffer;
  readonly explain: (failure: {
    readonly kind: 'failed' | 'timeout' | 'refused';
    readonly step: number | null;
    readonly errno: string | null;
    readonly answer: Buffer;
  }) => LeatError;
}

interface Script {
  readonly bytes: Buffer;
  readonly steps: readonly HandshakeStep<unknown>[];
}

/** Compiled once for each target; a Tunnel lives as long as its snapshot, and its scripts with it. */
const scripts = new WeakMap<Socks5Tunnel, Map<string, Script>>();
const MOST_SCRIPTS = 1_024;

/**
 * The hand-shake as a script of bytes, where it is static: one endpoint of a known address, no TLS, and no token, which
 * ends one day. Null where it is not. @throws TUNNEL_ADDRESS_UNSUPPORTED, DESTINATION_NOT_READY, SECRET_INVALID
 */
export function planSocks5(upstream: Upstream, addressOf: (host: string) => IpAddress | null): TunnelPlan | null {
  const { via } = upstream;
  if (via.kind !== 'socks5') return null;
  const { tunnel } = via;
  const [endpoint, ...others] = tunnel.endpoints;
  if (endpoint === undefined || others.length > 0 || tunnel.tls !== null) return null;
  if (tunnel.authentication.type === 'SapJwt') return null;
  const address = addressOf(endpoint.host);
  if (address === null) return null;
  const { host, port } = endpoint;
  const name = tunnelName(tunnel, endpoint);
  const { bytes, steps } = scriptOf(upstream, via, name);
  return {
    address,
    port,
    connectTimeoutMs: tunnel.connectTimeoutMs,
    script: bytes,
    explain({ kind, step, errno, answer }) {
      const cause = Object.assign(new Error(errno ?? 'ended'), { code: errno });
      const handshake = step === null ? undefined : steps[step];
      if (handshake === undefined) {
        const failure =
          kind === 'timeout'
            ? connectTimeout(host, port, tunnel.connectTimeoutMs)
            : connectionError(formatEndpoint({ address, port }), cause);
        return asTunnelError(name, failure) as LeatError;
      }
      if (kind === 'timeout') return stepTimeout(name, handshake);
      if (kind === 'failed') return stepEnded(name, handshake, errno === null ? null : cause);
      return refusal(name, handshake, answer);
    },
  };
}

function scriptOf(upstream: Upstream, via: Socks5Via, name: string): Script {
  let known = scripts.get(via.tunnel);
  if (known === undefined) {
    known = new Map();
    scripts.set(via.tunnel, known);
  }
  const key = `${upstream.host} ${upstream.port} ${upstream.connectTimeoutMs} ${via.locationId}`;
  let script = known.get(key);
  if (script === undefined) {
    if (via.tunnel.authentication.type === 'SapJwt') throw new LeatError('INTERNAL', 'a token ends one day');
    const target = admitTarget(upstream.host, via);
    const steps = [
      ...authenticationSteps(name, via.tunnel.authentication, via.tunnel.handshakeTimeoutMs),
      connectStep(name, target, upstream.port, {
        dialect: 'rfc1928',
        timeoutMs: Math.max(via.tunnel.handshakeTimeoutMs, upstream.connectTimeoutMs),
      }),
    ];
    script = { steps, bytes: Buffer.concat(steps.map(encodeStep)) };
    if (known.size >= MOST_SCRIPTS) known.clear();
    known.set(key, script);
  }
  return script;
}

/** As daemon/native/src/relay-dial.c reads it. */
function encodeStep({ timeoutMs, isReply, expected, request }: HandshakeStep<unknown>): Buffer {
  const head = Buffer.alloc(7);
  head.writeUInt32BE(timeoutMs, 0);
  head.writeUInt8(isReply ? 1 : 0, 4);
  head.writeUInt16BE(expected.length, 5);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(request.length);
  return Buffer.concat([head, expected, length, request]);
}

function refusal(name: string, step: HandshakeStep<unknown>, answer: Buffer): LeatError {
  try {
    const parsed = step.parse(answer);
    if (parsed.done) step.judge(parsed.value);
  } catch (error) {
    if (error instanceof LeatError) {
      return error.message.startsWith(name) ? error : new LeatError(error.code, `${name}: ${error.message}`);
    }
    throw error;
  }
  return new LeatError('TUNNEL_PROTOCOL', `${name}: its ${step.name} is not understood (${answer.toString('hex')})`);
}
