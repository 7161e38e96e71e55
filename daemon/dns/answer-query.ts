// SPDX-License-Identifier: Apache-2.0

import { addressToBytes } from '../net/address-bytes.ts';
import type { IpAddress } from '../net/endpoint.ts';
import { buildAddressAnswer, buildFailure, buildHeaderFailure, buildNoData } from './build-answer.ts';
import { CLASS_IN, RCODE, TYPE } from './message.ts';
import { type ParsedQuery, parseQuery, type Query } from './parse-query.ts';

/** How DNS answers for a host: with a synthetic address, with its real ones, or (null) as if Leat was not there. */
export type Managed = 'synthetic' | 'real' | null;

/** The address of each family that stands for a host; null where the family has none. */
export interface HostAddresses {
  readonly v4: IpAddress | null;
  readonly v6: IpAddress | null;
}

/** Names as one enrolled source sees them. Hosts are in lower case without trailing dot. */
export interface SourceView {
  managed(host: string): Managed;
  /** Null: no address is left. */
  addressesFor(host: string): HostAddresses | null;
}

/**
 * `forward`: the bytes go to the server that was asked, as they are. `host` is null unless it is managed; then its answer
 * is adjusted: `synthetic` means that NXDOMAIN becomes an empty answer, for this source knows the name to exist; `real`
 * that its addresses are told before they are passed on.
 */
export type Verdict =
  | { readonly action: 'answer'; readonly bytes: Buffer; readonly outcome: 'managed' | 'malformed' | 'failed' }
  | { readonly action: 'forward'; readonly managed: Exclude<Managed, null>; readonly host: string }
  | { readonly action: 'forward'; readonly managed: null; readonly host: null }
  | { readonly action: 'drop' };

const DROP: Verdict = { action: 'drop' };
const FORWARD: Verdict = { action: 'forward', managed: null, host: null };

/** What becomes of a packet. `view` is null for a source that is not enrolled: everything of it passes unchanged. */
export function answerQuery(bytes: Buffer, view: SourceView | null): Verdict {
  const query: ParsedQuery = parseQuery(bytes);
  if (query === 'not-a-query') return DROP;
  if (view === null || query === 'opaque') return FORWARD;
  if (query === 'malformed') {
    return { action: 'answer', bytes: buildHeaderFailure(bytes, RCODE.FORMERR), outcome: 'malformed' };
  }
  return query.host === null || query.class !== CLASS_IN ? FORWARD : answerHost(query, query.host, view);
}

function answerHost(query: Query, host: string, view: SourceView): Verdict {
  // Service bindings would lead clients around Leat: to HTTP/3, to an encrypted ClientHello, to addresses in hints.
  if (query.type === TYPE.HTTPS || query.type === TYPE.SVCB) {
    return view.managed(withoutAttributes(host)) === null ? FORWARD : managed(buildNoData(query));
  }
  const kind = view.managed(host);
  if (kind === null) return FORWARD;
  if (kind === 'real') return { action: 'forward', managed: kind, host };
  if (query.type === TYPE.ANY) return managed(buildNoData(query));
  if (query.type !== TYPE.A && query.type !== TYPE.AAAA) return { action: 'forward', managed: kind, host };
  const addresses = view.addressesFor(host);
  // A real address instead would go around Leat, and without credentials.
  if (addresses === null) return { action: 'answer', bytes: buildFailure(query, RCODE.SERVFAIL), outcome: 'failed' };
  const address = query.type === TYPE.A ? addresses.v4 : addresses.v6;
  return managed(address === null ? buildNoData(query) : buildAddressAnswer(query, addressToBytes(address)));
}

function managed(bytes: Buffer): Verdict {
  return { action: 'answer', bytes, outcome: 'managed' };
}

/** `_8443._https.api.example` stands for `api.example` (RFC 9460 §2.3). */
function withoutAttributes(host: string): string {
  return host.startsWith('_') ? host.replace(/^(?:_[^.]*\.)+/, '') : host;
}
