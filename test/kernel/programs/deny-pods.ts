// SPDX-License-Identifier: Apache-2.0
/** `deny-pods.ts nft|legacy IPV4 IPV6`: puts a pod under the default action Deny, as the daemon does. */
import { guardDeny } from '../../../daemon/capture/guard-deny.ts';
import { openIpset } from '../../../daemon/capture/ipset-netlink.ts';
import { createSetSync } from '../../../daemon/capture/sync-sets.ts';

const [, , name, ipv4 = '', ipv6 = ''] = process.argv;
const backend = name === 'legacy' ? 'legacy' : 'nft';
const ipset = openIpset();
const guard = guardDeny(createSetSync(ipset), async () => ({ backend, nat: 'iptables', isIpv6On: true }));
const members = (['pods', 'deny'] as const).flatMap((set): [string, Set<string>][] => [
  [`leat-${set}4`, new Set([ipv4])],
  [`leat-${set}6`, new Set([ipv6])],
]);
await guard.apply(new Map(members));
console.log(JSON.stringify({ wasMissing: await guard.check() }));
ipset.close();
