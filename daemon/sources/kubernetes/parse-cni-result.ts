// SPDX-License-Identifier: Apache-2.0
import { type IpAddress, parseIpAddress } from '../../net/endpoint.ts';

/** Which addresses the node's runtime gave a pod. */
export interface CniResult {
  readonly podUid: string;
  readonly addresses: readonly IpAddress[];
}

/** The interface by which a pod is known to its cluster; others of Multus are named otherwise. */
const POD_INTERFACE = 'eth0';

/**
 * What libcni keeps of an ADD (github.com/containernetworking/cni, libcni/api.go: cachedInfo `cniCacheV1`), which containerd
 * and CRI-O both leave in one folder. Null for everything else: another interface, another version, half a file.
 */
export function parseCniResult(text: string): CniResult | null {
  let cached: unknown;
  try {
    cached = JSON.parse(text);
  } catch {
    // it is being written: its end is a change of the folder, too
    return null;
  }
  const { kind, ifName, cniArgs, result } = (cached ?? {}) as Record<string, unknown>;
  if (kind !== 'cniCacheV1' || ifName !== POD_INTERFACE || !Array.isArray(cniArgs)) return null;
  const [, podUid] = cniArgs.find((pair) => Array.isArray(pair) && pair[0] === 'K8S_POD_UID') ?? [];
  const { ips } = (result ?? {}) as { ips?: unknown };
  if (typeof podUid !== 'string' || podUid === '' || !Array.isArray(ips)) return null;
  const addresses = ips.flatMap((ip): IpAddress[] => {
    const { address } = (ip ?? {}) as { address?: unknown };
    // with the length of its network: 10.244.0.5/24
    const parsed = typeof address === 'string' ? parseIpAddress(address.split('/')[0] ?? '') : null;
    return parsed === null ? [] : [parsed];
  });
  return addresses.length === 0 ? null : { podUid, addresses };
}
