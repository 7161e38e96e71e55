// SPDX-License-Identifier: Apache-2.0
import type { AddressRange, Family } from './address-range.ts';

type Table = 'raw' | 'mangle' | 'nat' | 'filter';
/** In the order in which a packet meets them. */
export const TABLES = ['raw', 'mangle', 'nat', 'filter'] as const;

/** Own chains begin with this, and only own chains are ever flushed or removed. */
export const CHAIN_PREFIX = 'LEAT-';

/** A rule of an own chain. Order in the list is order in the chain. */
export interface Rule {
  readonly family: Family;
  readonly table: Table;
  readonly chain: string;
  /** Tokens before `-m comment`, as iptables-save prints them. */
  readonly matches: readonly string[];
  /** `-j` with its target's tokens. */
  readonly target: readonly string[];
  /** Why it is there; stands on the node too. At most 240 characters, printable ASCII without quotes. */
  readonly comment: string;
}

/**
 * A rule by which a built-in chain enters an own chain; nothing but Calico's and other jumps of ours stands before it. Where every
 * packet passes, what can be told cheaply is asked here, so that all others meet one comparison and go on: a lookup in a set takes
 * 3 to 4 % of what a small packet costs the node, and even a comment is looked at once a rule has none but that.
 */
export interface Jump {
  readonly family: Family;
  readonly table: Table;
  readonly from: 'PREROUTING' | 'INPUT' | 'FORWARD';
  readonly chain: string;
  /** Tokens before `-m comment`, as iptables-save prints them. The rules of the chain do not rely on them. */
  readonly matches: readonly string[];
  /** The daemon makes it once it is needed: where the chain is entered, it is put right and kept; else it is left out. */
  readonly isMadeByDaemon: boolean;
  readonly comment: string;
}

/** A set of ipset(8) that must exist before a rule can match it. */
export interface PlannedSet {
  readonly name: string;
  /** Type and create options, e.g. `hash:ip family inet maxelem 65536`. */
  readonly type: string;
  /** The members init puts in; undefined where the members are the daemon's. */
  readonly members?: readonly string[];
}

/** A rule of the own nft table, in nft's language, without its comment. */
export interface NftRule {
  readonly chain: 'prerouting' | 'capture' | 'unmark';
  readonly statement: string;
  /** At most 128 bytes: nft's limit. */
  readonly comment: string;
}

/** Everything that is to exist in this network namespace. Data: printed by --dry-run, rendered, compared. */
export interface Plan {
  readonly families: readonly Family[];
  readonly sets: readonly PlannedSet[];
  /** Leat's own addresses, on lo. */
  readonly addresses: readonly { readonly family: Family; readonly address: string }[];
  /** Synthetic ranges, routed to lo as local. */
  readonly routes: readonly AddressRange[];
  readonly rules: readonly Rule[];
  readonly jumps: readonly Jump[];
  /** Rules of the own nft table; empty where the nat rules are iptables'. */
  readonly nftRules: readonly NftRule[];
}
