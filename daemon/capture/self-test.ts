// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { asLeatError, LeatError } from '../errors/leat-error.ts';
import { isNativeError } from '../native/index.ts';
import { withDeadline } from '../net/deadline.ts';
import { type Endpoint, familyOf, formatEndpoint, type IpAddress, parseIpAddress } from '../net/endpoint.ts';
import { openProbeNamespace, type ProbeNamespace } from './probe-namespace.ts';

export type SelfTestResult =
  | { readonly ok: true }
  /** Both are sentences for people: what was seen, and what to do. */
  | { readonly ok: false; readonly reason: string; readonly cure: string };

export interface SelfTest {
  /** Connects as a pod would, in each family, and says whether it arrived here. Never rejects; one at a time. */
  run(): Promise<SelfTestResult>;
  /** Whether a connection from there may be the probe's: cheap, for every connection. */
  expects(peer: IpAddress): boolean;
  /**
   * For each accepted connection, before anything else: true where it is the probe's. It is answered and ended here, and
   * nobody else may touch it, so that the probe leaves no trace in records, limits or metrics.
   */
  takes(downstream: Socket): boolean;
  /** Removes all that it made. */
  stop(): Promise<void>;
}

export interface SelfTestOptions {
  /** An address of the synthetic range per family: reserved, it never stands for a host name. */
  readonly targets: readonly IpAddress[];
  readonly readOriginalDestination: (downstream: Socket) => Endpoint;
  /** Default 3000. */
  readonly timeoutMs?: number;
}

/** Every TCP port of the synthetic range is captured; this one is the discard service's, which nobody's name offers. */
const PROBE_PORT = 9;
const RULES_MISSING =
  "run init again, and see with iptables-save and nft list ruleset that Leat's jump stands before others in nat PREROUTING; where the CNI forwards by eBPF past netfilter, have it not to (Cilium: bpf.hostLegacyRouting=true, Calico: linuxDataplane Iptables)";
const DROPPED =
  'look for what drops packets from interface leat-probe: a firewall on INPUT, rp_filter=1 with policy routing, or a program that flushed conntrack';

/**
 * Proves capture from a namespace of its own: the node's own packets do not pass PREROUTING, so nothing less than a packet
 * that comes in from an interface shows that pods are captured.
 */
export function createSelfTest(options: SelfTestOptions): SelfTest {
  const timeoutMs = options.timeoutMs ?? 3_000;
  let namespace: ProbeNamespace | null = null;
  let stopped = false;
  let current: Promise<SelfTestResult> | null = null;
  /** What the daemon's side saw of the probe that is under way. */
  let expected: { readonly nonce: string; arrival: Endpoint | LeatError | null } | null = null;

  async function runAll(): Promise<SelfTestResult> {
    try {
      namespace ??= await openProbeNamespace(options.targets.map(familyOf));
    } catch (error) {
      return explainSetup(error);
    }
    for (const address of options.targets) {
      const result = await probe(namespace, { address, port: PROBE_PORT });
      if (!result.ok) return result;
    }
    return { ok: true };
  }

  async function probe(from: ProbeNamespace, target: Endpoint): Promise<SelfTestResult> {
    const attempt = { nonce: randomBytes(16).toString('hex'), arrival: null as Endpoint | LeatError | null };
    expected = attempt;
    const name = formatEndpoint(target);
    let socket: Socket | null = null;
    try {
      socket = from.connect(target);
      const answer = await readAll(socket, timeoutMs);
      if (answer !== attempt.nonce) {
        return failed(`the probe to ${name} was answered, but not by this daemon`, RULES_MISSING);
      }
      return judge(attempt.arrival, target);
    } catch (error) {
      return explainProbe(error, name);
    } finally {
      socket?.destroy();
      expected = null;
    }
  }

  return {
    run: () => {
      if (stopped) return Promise.resolve(failed('the self-test was stopped', 'none: the daemon is about to end'));
      current ??= runAll().finally(() => {
        current = null;
      });
      return current;
    },
    expects: (peer) => expected !== null && namespace?.isProbe(peer) === true,
    takes: (downstream) => {
      const peer = parseIpAddress(downstream.remoteAddress ?? '');
      if (expected === null || namespace === null || peer === null || !namespace.isProbe(peer)) return false;
      try {
        expected.arrival = options.readOriginalDestination(downstream);
      } catch (error) {
        expected.arrival = asLeatError(error);
      }
      downstream.on('error', () => undefined);
      downstream.setTimeout(timeoutMs, () => downstream.destroy());
      downstream.end(expected.nonce);
      downstream.resume();
      return true;
    },
    stop: async () => {
      stopped = true;
      await current;
      await namespace?.close();
      namespace = null;
    },
  };
}

async function readAll(socket: Socket, timeoutMs: number): Promise<string> {
  const late = (): LeatError => new LeatError('UPSTREAM_CONNECT_TIMEOUT', `no answer within ${timeoutMs} ms`);
  return withDeadline(timeoutMs, late, null, async () => {
    socket.setEncoding('latin1');
    let answer = '';
    for await (const chunk of socket) answer += chunk;
    return answer;
  });
}

function judge(arrival: Endpoint | LeatError | null, target: Endpoint): SelfTestResult {
  const name = formatEndpoint(target);
  if (arrival === null) return failed(`the probe to ${name} did not arrive here`, RULES_MISSING);
  if (arrival instanceof LeatError)
    return failed(`the probe to ${name} arrived, but ${arrival.message}`, RULES_MISSING);
  if (arrival.address === target.address && arrival.port === target.port) return { ok: true };
  return failed(
    `the probe to ${name} arrived as one to ${formatEndpoint(arrival)}`,
    "find the rule that changes it before Leat's does: iptables -t nat -L PREROUTING",
  );
}

function explainProbe(error: unknown, name: string): SelfTestResult {
  if (error instanceof LeatError) return failed(`the probe to ${name}: ${error.message}`, DROPPED);
  const code = error instanceof Error && 'code' in error ? error.code : null;
  // The filter rules answer so for what nat did not take.
  if (code === 'ECONNREFUSED' || code === 'ECONNRESET') {
    return failed(`the probe to ${name} was refused: nat did not take it`, RULES_MISSING);
  }
  return failed(`the probe to ${name} failed: ${error instanceof Error ? error.message : error}`, DROPPED);
}

function explainSetup(error: unknown): SelfTestResult {
  if (isNativeError(error) && error.code === 'EPERM') {
    return failed(
      'the self-test may not make a network namespace: CAP_SYS_ADMIN is missing',
      'give the daemon the capability SYS_ADMIN, or start it with --self-test=off',
    );
  }
  return failed(
    `the self-test could not set up its namespace: ${error instanceof Error ? error.message : error}`,
    'see whether ip and nsenter are installed and the kernel has veth, or start the daemon with --self-test=off',
  );
}

function failed(reason: string, cure: string): SelfTestResult {
  return { ok: false, reason, cure };
}
