// SPDX-License-Identifier: Apache-2.0
import type { Pod } from '../../../api/kinds/core.ts';
import { type IpAddress, parseIpAddress } from '../../net/endpoint.ts';
import type { RuntimeAddresses } from './follow-cni-results.ts';

const NONE: readonly IpAddress[] = Object.freeze([]);

/**
 * Brings the addresses of pods to what the node's runtime says of them. It is ahead of the API server twice: a pod that starts
 * has its addresses before its containers, and one whose network is gone has none, also where another pod has them already
 * and the API server still names the first. In all else the API server's word stands. The same list for the same pods and
 * addresses.
 */
export class AddressFilling {
  readonly #runtime: RuntimeAddresses;
  #given: readonly Pod[] = [];
  #filled: readonly Pod[] = [];
  #copies = new WeakMap<Pod, { readonly addresses: readonly IpAddress[]; readonly pod: Pod }>();

  constructor(runtime: RuntimeAddresses) {
    this.#runtime = runtime;
  }

  fill(pods: readonly Pod[]): readonly Pod[] {
    const filled = pods.map((pod) => {
      const addresses = this.#otherAddressesOf(pod);
      return addresses === null ? pod : this.#copy(pod, addresses);
    });
    const isSame = pods === this.#given && filled.every((pod, at) => pod === this.#filled[at]);
    if (isSame) return this.#filled;
    this.#given = pods;
    this.#filled = filled.every((pod, at) => pod === pods[at]) ? pods : Object.freeze(filled);
    return this.#filled;
  }

  /** Null: those that the API server names. */
  #otherAddressesOf({ metadata: { uid }, spec, status }: Pod): readonly IpAddress[] | null {
    if (uid === undefined || spec?.hostNetwork === true) return null;
    const own = this.#runtime.addressesOf(uid);
    const named = status?.podIPs ?? [];
    if (named.length === 0) return own;
    const isAnothers = named.some(({ ip }) => {
      const address = parseIpAddress(ip);
      const owner = address === null ? null : this.#runtime.ownerOf(address);
      return owner !== null && owner !== uid;
    });
    return own === null && isAnothers ? NONE : null;
  }

  #copy(pod: Pod, addresses: readonly IpAddress[]): Pod {
    const before = this.#copies.get(pod);
    if (before?.addresses === addresses) return before.pod;
    const copy: Pod = { ...pod, status: { ...pod.status, podIPs: addresses.map((ip) => ({ ip })) } };
    this.#copies.set(pod, { addresses, pod: copy });
    return copy;
  }
}
