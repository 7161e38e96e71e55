// SPDX-License-Identifier: Apache-2.0
/**
 * What `init` and `daemon` must agree on: where redirected packets arrive, and which kernel objects carry the state that
 * the rules read and the daemon writes. Every value that an administrator may change is a default here; both programs
 * take the same option for it.
 */

/** TCP port of the capture listener: intercepted connections arrive here. */
export const CAPTURE_PORT = 15001;
/** UDP and TCP port of the DNS server on Leat's own addresses: captured DNS queries arrive here. */
export const DNS_PORT = 15053;
/** TCP port of metrics, liveness and readiness. */
export const ADMIN_PORT = 15020;

/** Leat's own addresses on `lo`, target of the DNAT rules. Not fe80::/10 (times out), not 127.0.0.0/8 (needs route_localnet). */
export const LEAT_ADDRESS_4 = '169.254.74.1';
export const LEAT_ADDRESS_6 = 'fd6c:6561:7400::1';

/** Ranges of synthetic addresses: one address stands for one host name. The same index is used in both families. */
export const SYNTHETIC_RANGE_4 = '240.240.0.0/16';
export const SYNTHETIC_RANGE_6 = 'fd6c:6561:7401::/112';

/** conntrack zone, original direction only, of captured DNS packets. */
export const DNS_CONNTRACK_ZONE = 7401;

/**
 * Sets that the rules match and the daemon fills through netlink. `init` creates them empty, so nothing but the synthetic
 * range is captured before the daemon is ready. Those in pairs exist per family: the name ends in 4 or 6.
 */
export const SETS = {
  /** `hash:ip`: addresses of enrolled pods. */
  pods: 'leat-pods',
  /** `hash:ip`: known pods that are not enrolled: their DNS is not captured. */
  skip: 'leat-skip',
  /** `hash:net`: the node's pod ranges: DNS of every source in them, but for `skip`, is captured. */
  ranges: 'leat-ranges',
  /** `hash:net`: destinations captured for enrolled pods (NodePolicy `capture.cidrs`). */
  cidrs: 'leat-cidrs',
  /** `hash:net`: destinations never captured nor refused (NodePolicy `capture.exclude`). */
  except: 'leat-except',
  /** `hash:ip`: those of `pods` under the default action Deny: all their TCP is captured, their UDP but DNS rejected. */
  deny: 'leat-deny',
  /** `hash:ip`: addresses of the Services of Destinations: captured from any pod of the node. */
  services: 'leat-services',
  /** `hash:ip,port`: resolved real addresses and declared ports of managed hosts (failure policy ClosedKnown). */
  known: 'leat-known',
} as const;

/** `bitmap:port 53-53` with a timeout, for both families: while its one entry lives, DNS is captured. */
export const HEARTBEAT_SET = 'leat-alive';
/** Seconds after which an entry of {@link HEARTBEAT_SET} that was not renewed expires. */
export const HEARTBEAT_TIMEOUT_SECONDS = 9;

/** Chain of each table that PREROUTING enters by one jump; `init` makes it, the daemon sees to it that the jump keeps its place. */
export const PREROUTING_CHAIN = 'LEAT-PREROUTING';

/**
 * Chain that refuses what pods under the default action Deny send. FORWARD enters it by one jump, which asks the set `deny` of every packet:
 * 5 % of what a small one costs. So the daemon makes that jump before it puts the first member into the set, and `init` keeps it where it is.
 */
export const DENY_CHAIN = 'LEAT-FORWARD';

/** What stands behind `-A FORWARD` for that jump, as iptables-save prints it. */
export function denyJump(family: 4 | 6): { readonly matches: readonly string[]; readonly comment: string } {
  return {
    matches: ['-m', 'set', '--match-set', `${SETS.deny}${family}`, 'src'],
    comment: 'leat: default action Deny',
  };
}

/** Folder of {@link INIT_RECORD_FILE}, on a file system that a reboot empties. */
export const INIT_STATE_DIR = '/run/leat';
/** JSON in which `init` tells the daemon which backend its rules are in: `backend`, `nat`, `isIpv6On`. */
export const INIT_RECORD_FILE = 'init.json';
