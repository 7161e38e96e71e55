// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';
import type { IdentifiedConnection } from './identify-connection.ts';
import type { ProxyPorts } from './ports.ts';

declare const stage: unique symbol;

/** A connection of which is known what name the application asked for; null: it connected to an address. */
export interface NamedConnection extends IdentifiedConnection {
  readonly host: string | null;
  /**
   * Only where the address is known as a managed host's, but the connection is for none that the workload may use: the
   * name that it states, null where it states none.
   */
  readonly statedHost?: string | null;
  readonly [stage]: true;
}

type NamePorts = Pick<ProxyPorts, 'names' | 'readClientHello' | 'readRequestHost'>;

/**
 * At once for a synthetic address, and for one that nobody knows. A real address may be that of many names, managed and
 * others: there the name is read from the connection, which stays whole.
 *
 * @throws NAME_UNKNOWN for a synthetic address that stands for no name: the application made it up, or it is older than we;
 * CLIENT_HELLO_*, REQUEST_TIMEOUT, REQUEST_MALFORMED, CLIENT_RESET where no name can be read
 */
export function nameConnection(
  identified: IdentifiedConnection,
  ports: NamePorts,
): NamedConnection | Promise<NamedConnection> {
  const { originalDestination, workload } = identified;
  const host = ports.names.hostOf(originalDestination);
  if (host === null && ports.names.isSynthetic(originalDestination.address)) {
    throw new LeatError('NAME_UNKNOWN', `synthetic address ${originalDestination.address} stands for no host name`);
  }
  if (host === null) {
    const hosts = ports.names.resolvedHostsOf(originalDestination, workload.namespace);
    if (hosts !== null) return nameByBytes(identified, hosts, ports);
  }
  return { ...identified, host } as NamedConnection;
}

async function nameByBytes(
  identified: IdentifiedConnection,
  hosts: readonly string[],
  ports: NamePorts,
): Promise<NamedConnection> {
  const { downstream, workload, snapshot } = identified;
  const candidates = hosts
    .map((host) => ({ host, protocol: protocolOf(identified, host) }))
    .filter(({ protocol }) => protocol !== null);
  const protocols = new Set(candidates.map(({ protocol }) => protocol));
  const [only] = candidates;
  // Nothing to read for: no host of this workload, or hosts that speak differently, which can't be told apart.
  if (only === undefined || protocols.size > 1 || (only.protocol === 'tcp' && candidates.length > 1)) {
    return { ...identified, host: null, statedHost: null } as NamedConnection;
  }
  if (only.protocol === 'tcp') return { ...identified, host: only.host } as NamedConnection;
  const statedHost =
    only.protocol === 'http'
      ? await ports.readRequestHost(downstream.socket())
      : (await ports.readClientHello(downstream.socket())).serverName;
  const isManaged = statedHost !== null && snapshot.destinations.match(workload, statedHost).length > 0;
  return { ...identified, ...(isManaged ? { host: statedHost } : { host: null, statedHost }) } as NamedConnection;
}

/** What the workload's best Destination of the host and this port speaks, https being tls; null: it has none. */
function protocolOf(
  { originalDestination, workload, snapshot }: IdentifiedConnection,
  host: string,
): 'http' | 'tls' | 'tcp' | null {
  for (const { destination } of snapshot.destinations.match(workload, host)) {
    const declared = destination.ports.find(({ port }) => port === originalDestination.port);
    if (declared !== undefined) return declared.protocol === 'https' ? 'tls' : declared.protocol;
  }
  return null;
}
