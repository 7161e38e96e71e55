// SPDX-License-Identifier: Apache-2.0
import {
  decodeMembers,
  encodeElementRequest,
  encodeSetRequest,
  IPSET_ADD,
  IPSET_DEL,
  IPSET_FLUSH,
  IPSET_LIST,
} from './ipset-messages.ts';
import { NetfilterError, openNetfilterSocket } from './netfilter-socket.ts';

/** The kernel's sets of addresses, without a process per change. Needs CAP_NET_ADMIN. All functions reject with {@link IpsetError}. */
export interface Ipset {
  /** Adds a member; one that is there already stays, and its timeout begins anew. */
  add(set: string, member: string, options?: { readonly timeoutSeconds?: number }): Promise<void>;
  /** Removes a member; one that is not there is no error. */
  remove(set: string, member: string): Promise<void>;
  flush(set: string): Promise<void>;
  /** The members, in the form that {@link Ipset.add} takes: ranges with host bits cleared, without `/32` and `/128`. */
  list(set: string): Promise<Set<string>>;
  close(): void;
}

/** `code`: errno(3), a number for ipset's own errors, or null where no answer came. */
export class IpsetError extends Error {
  override readonly name = 'IpsetError';
  readonly code: string | null;

  constructor(message: string, code: string | null, options: { cause: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** Opens no socket before the first request. `timeoutMs` (default 1000) bounds each request. */
export function openIpset(options: { readonly timeoutMs?: number } = {}): Ipset {
  const socket = openNetfilterSocket(options);
  return {
    add: (set, member, { timeoutSeconds } = {}) =>
      explain(`add ${member} to set ${set}`, set, () =>
        socket.change(IPSET_ADD, encodeElementRequest(set, member, timeoutSeconds ?? null)),
      ),
    remove: (set, member) =>
      explain(`remove ${member} from set ${set}`, set, () =>
        socket.change(IPSET_DEL, encodeElementRequest(set, member, null)),
      ),
    flush: (set) => explain(`flush set ${set}`, set, () => socket.change(IPSET_FLUSH, encodeSetRequest(set))),
    list: (set) =>
      explain(`list set ${set}`, set, async () => {
        const answers = await socket.dump(IPSET_LIST, encodeSetRequest(set));
        return new Set(answers.flatMap(decodeMembers));
      }),
    close: () => socket.close(),
  };
}

async function explain<T>(doing: string, set: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = error instanceof NetfilterError ? error.code : null;
    throw new IpsetError(`can not ${doing}: ${reasonOf(error, set)}`, code, { cause: error });
  }
}

/** linux/netfilter/ipset/ip_set.h and its per-type headers: private errors begin at 4096, those of a type at 4352. */
const PRIVATE_ERRORS: Readonly<Record<string, string>> = {
  '4097': 'the set is of another type or family',
  '4104': 'its prefix length is not valid',
  '4107': 'the set was made without timeouts',
  '4109': 'an IPv4 address does not belong in a set of IPv6 addresses',
  '4110': 'an IPv6 address does not belong in a set of IPv4 addresses',
  '4352': 'the set is full, or the port is out of its range',
};

function reasonOf(error: unknown, set: string): string {
  if (!(error instanceof NetfilterError)) return error instanceof Error ? error.message : String(error);
  if (error.code === 'ENOENT') return `set ${set} does not exist: run init first`;
  if (error.code === 'EPERM') return 'not permitted: CAP_NET_ADMIN is missing';
  return PRIVATE_ERRORS[error.code] ?? `the kernel answered ${error.code}`;
}
