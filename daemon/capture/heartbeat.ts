// SPDX-License-Identifier: Apache-2.0
import { HEARTBEAT_SET, HEARTBEAT_TIMEOUT_SECONDS } from '../../api/redirect-contract.ts';
import type { Ipset } from './ipset-netlink.ts';

/** The port whose entry keeps DNS captured. */
const ENTRY = '53';

/** The dead man's switch (ARCHITECTURE.md, `leat-alive`): while it beats, DNS of pods is captured. */
export interface Heartbeat {
  /**
   * Renews the entry for {@link HEARTBEAT_TIMEOUT_SECONDS}. Only for the loop that answers DNS, and only after it answered
   * a query of its own: a daemon that hangs has to expire as a dead one does. Rejects with IpsetError.
   */
  beat(): Promise<void>;
  /** Removes the entry, so that pods are with the cluster's DNS at once; later beats do nothing. */
  stop(): Promise<void>;
}

/** Renews the one entry of `leat-alive`, or takes it away for good. */
export function createHeartbeat(ipset: Ipset): Heartbeat {
  let stopped = false;
  return {
    beat: async () => {
      if (!stopped) await ipset.add(HEARTBEAT_SET, ENTRY, { timeoutSeconds: HEARTBEAT_TIMEOUT_SECONDS });
    },
    stop: async () => {
      stopped = true;
      // Requests are answered in order: a beat that is under way is done before this.
      await ipset.remove(HEARTBEAT_SET, ENTRY);
    },
  };
}
