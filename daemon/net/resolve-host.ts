// SPDX-License-Identifier: Apache-2.0
import { lookup, Resolver } from 'node:dns/promises';
import { LeatError } from '../errors/leat-error.ts';
import type { Clock } from './clock.ts';
import { withDeadline } from './deadline.ts';
import { type IpAddress, parseIpAddress } from './endpoint.ts';

/**
 * The addresses of a name, in the order to try them; never empty.
 * @throws UPSTREAM_UNRESOLVED, or the signal's reason
 */
export type ResolveHost = (host: string, signal: AbortSignal) => Promise<readonly IpAddress[]>;

/** With `known`: what was answered a moment ago; null: it has to be asked. */
export type HostResolver = ResolveHost & { readonly known: (host: string) => readonly IpAddress[] | null };

export interface ResolverOptions {
  /**
   * DNS servers, `address` or `address:port`. Without: the system's way (getaddrinfo(3)), which honours resolv.conf with
   * its search list, and /etc/hosts.
   */
  readonly servers?: readonly string[];
  readonly clock: Clock;
}

const DEADLINE_MS = 5_000;
/** Short: it spares the resolver a burst of connections, and does not stand in the way of a DNS failover. */
const CACHE_MS = 5_000;
/** Who is asked for all the time is asked again before its answer is too old: nobody has to wait then. */
const REFRESH_BEFORE_MS = 1_000;
const CACHE_ENTRIES = 4_096;
const SERVER_TIMEOUT_MS = 1_500;

/**
 * One question per name at a time, whoever asks; answers are kept for 5 s, failures not at all. A question that hangs
 * is not asked again while it hangs: getaddrinfo can't be cancelled and holds one of few threads.
 */
export function createResolver({ servers, clock }: ResolverOptions): HostResolver {
  const ask = servers === undefined ? askSystem : askServers(servers);
  const flights = new Map<string, Promise<readonly IpAddress[]>>();
  const answers = new Map<string, { readonly addresses: readonly IpAddress[]; readonly untilMs: number }>();

  const remember = (name: string, addresses: readonly IpAddress[]): void => {
    const nowMs = clock.monotonicMs();
    answers.delete(name);
    for (const [known, { untilMs }] of answers) {
      // In order of insertion, and all live equally long: the first that has to stay ends the sweep.
      if (untilMs > nowMs && answers.size < CACHE_ENTRIES) break;
      answers.delete(known);
    }
    answers.set(name, { addresses, untilMs: nowMs + CACHE_MS });
  };

  const fly = async (name: string): Promise<readonly IpAddress[]> => {
    try {
      const addresses = (await ask(name)).map(parseIpAddress).filter((address) => address !== null);
      if (addresses.length === 0) throw unresolved(name, 'ENODATA', null);
      remember(name, addresses);
      return addresses;
    } catch (cause) {
      if (cause instanceof LeatError) throw cause;
      throw unresolved(name, cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error', cause);
    } finally {
      flights.delete(name);
    }
  };

  const begin = (name: string): Promise<readonly IpAddress[]> => {
    let flight = flights.get(name);
    if (flight === undefined) {
      flight = fly(name);
      flights.set(name, flight);
    }
    return flight;
  };

  const fresh = (name: string): { readonly addresses: readonly IpAddress[]; readonly leftMs: number } | null => {
    const answer = answers.get(name);
    const leftMs = answer === undefined ? 0 : answer.untilMs - clock.monotonicMs();
    return answer !== undefined && leftMs > 0 ? { addresses: answer.addresses, leftMs } : null;
  };

  const known = (host: string): readonly IpAddress[] | null => {
    const name = host.toLowerCase();
    const answer = fresh(name);
    if (answer === null) return null;
    // Where this fails, whoever asks when the answer is too old hears of it.
    if (answer.leftMs <= REFRESH_BEFORE_MS && !flights.has(name)) begin(name).catch(() => undefined);
    return answer.addresses;
  };

  const resolve: ResolveHost = (host, signal) => {
    const name = host.toLowerCase();
    const onTimeout = (): LeatError =>
      new LeatError('UPSTREAM_UNRESOLVED', `no answer from DNS for ${name} within ${DEADLINE_MS} ms`);
    return withDeadline(DEADLINE_MS, onTimeout, signal, async () => {
      return fresh(name)?.addresses ?? begin(name);
    });
  };
  return Object.assign(resolve, { known });
}

async function askSystem(name: string): Promise<string[]> {
  const entries = await lookup(name, { all: true, order: 'verbatim' });
  return entries.map(({ address }) => address);
}

function askServers(servers: readonly string[]): (name: string) => Promise<string[]> {
  const resolver = new Resolver({ timeout: SERVER_TIMEOUT_MS, tries: 2 });
  resolver.setServers(servers);
  return async (name) => {
    const [ipv4, ipv6] = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
    if (ipv4.status === 'rejected' && ipv6.status === 'rejected') throw ipv4.reason;
    return [ipv4, ipv6].flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  };
}

function unresolved(name: string, code: string, cause: unknown): LeatError {
  const reason = ['ENOTFOUND', 'ENODATA'].includes(code) ? 'has no address in DNS' : 'can not be resolved now';
  return new LeatError('UPSTREAM_UNRESOLVED', `${name} ${reason} (${code})`, { cause });
}
