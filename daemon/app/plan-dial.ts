// SPDX-License-Identifier: Apache-2.0
import type { Tunnel } from '../destination/destination.ts';
import type { LeatError } from '../errors/leat-error.ts';
import { connectionError } from '../net/connection-error.ts';
import { admitAddresses, connectTimeout } from '../net/dial.ts';
import { formatEndpoint, type IpAddress, parseIpAddress } from '../net/endpoint.ts';
import type { UpstreamGuard } from '../policy/upstream-guard.ts';
import type { DialPlan } from '../relay/relayer.ts';
import type { Upstream } from '../routing/route.ts';
import { planSocks5 } from '../tunnel/plan-socks5.ts';

export interface PlanParts {
  /** The addresses of a name, where they are known without asking. */
  readonly known: (host: string) => readonly IpAddress[] | null;
  readonly guard: UpstreamGuard;
  /** Told of each hand-shake that failed. */
  readonly noteTunnel: (tunnel: Tunnel, refusal: LeatError) => void;
}

const MOST_LITERALS = 1_024;

/**
 * Whether the engine can reach an upstream by itself, and how: one address that is known by now and admitted, and no
 * hand-shake or a static one. Null leaves it to Node: names that must be asked for, races of several addresses, TLS, tokens.
 */
export function createPlanDial({ known, guard, noteTunnel }: PlanParts): (upstream: Upstream) => DialPlan | null {
  const literals = new Map<string, IpAddress | null>();
  const literalOf = (host: string): IpAddress | null => {
    let literal = literals.get(host);
    if (literal === undefined) {
      if (literals.size >= MOST_LITERALS) literals.clear();
      literal = parseIpAddress(host);
      literals.set(host, literal);
    }
    return literal;
  };
  const addressOf = (host: string): IpAddress | null => {
    const literal = literalOf(host);
    if (literal !== null) return literal;
    const addresses = known(host);
    return addresses?.length === 1 ? (addresses[0] ?? null) : null;
  };
  /** Connections of a route share one upstream, and while its address stays the same one plan. */
  const plans = new WeakMap<Upstream, DialPlan>();
  return (upstream) => {
    if (upstream.via.kind !== 'direct' && upstream.via.kind !== 'socks5') return null;
    const reached = upstream.via.kind === 'direct' ? upstream : upstream.via.tunnel.endpoints[0];
    const address = reached === undefined ? null : addressOf(reached.host);
    if (address === null) return null;
    if (upstream.via.kind === 'direct') admitAddresses(upstream.host, upstream.port, [address], guard);
    const before = plans.get(upstream);
    if (before?.address === address) return before;
    const plan =
      upstream.via.kind === 'direct'
        ? planDirect(upstream, address)
        : noted(
            planSocks5(upstream, () => address),
            upstream.via.tunnel,
            noteTunnel,
          );
    if (plan !== null) plans.set(upstream, plan);
    return plan;
  };
}

function noted(plan: DialPlan | null, tunnel: Tunnel, noteTunnel: PlanParts['noteTunnel']): DialPlan | null {
  if (plan === null) return null;
  return {
    ...plan,
    explain(failure) {
      const refusal = plan.explain(failure);
      noteTunnel(tunnel, refusal);
      return refusal;
    },
  };
}

function planDirect({ host, port, connectTimeoutMs }: Upstream, address: IpAddress): DialPlan {
  return {
    address,
    port,
    connectTimeoutMs,
    script: null,
    explain: ({ kind, errno }) =>
      kind === 'timeout'
        ? connectTimeout(host, port, connectTimeoutMs)
        : connectionError(
            formatEndpoint({ address, port }),
            Object.assign(new Error(errno ?? 'ended'), { code: errno }),
          ),
  };
}
