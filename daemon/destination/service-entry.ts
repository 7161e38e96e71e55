// SPDX-License-Identifier: Apache-2.0
/** What is known of an SAP Destination service, what is asked of it, and what it says. */
import type { Level } from '../../api/kinds/destination-source.ts';
import type { LeatError } from '../errors/leat-error.ts';
import type { Authentication, DestinationPort, OAuth2Client, StaticField } from './destination.ts';

/** A service instance, as its binding describes it. */
export interface ServiceInstance {
  /** Of the DestinationSource. */
  readonly name: string;
  /** Base of its API, without a slash at its end; https. */
  readonly uri: string;
  /** Gets the token that every request to it needs. */
  readonly client: OAuth2Client;
  /** PEM; replaces the system's roots. */
  readonly ca: string | null;
  readonly requestTimeoutMs: number;
}

/** An entry that a Destination names, with what is laid over it. */
export interface ServiceLookup {
  readonly service: ServiceInstance;
  readonly name: string;
  /** null: instance first, then subaccount ("find", v1). */
  readonly level: Level | null;
  readonly fragments: readonly { readonly name: string; readonly level: Level | null; readonly optional: boolean }[];
  readonly chain: ChainRule | null;
  /** A digest of all of this: same key, same answer. */
  readonly key: string;
}

export interface ChainRule {
  readonly name: string;
  readonly variables: readonly { readonly name: string; readonly value: string }[];
}

/** An entry in Leat's words. Where it goes out of what was allowed, and whether, is decided by who uses it. */
export interface ServiceEntry {
  /** The name that applications use, unless the Destination gives others. */
  readonly host: string;
  readonly ports: readonly DestinationPort[];
  readonly proxyType: 'Internet' | 'OnPremise';
  readonly locationId: string | null;
  /** TrustAll: the target's certificate is not to be verified. */
  readonly trustsAll: boolean;
  readonly authentication: Authentication;
  readonly headers: readonly StaticField[];
  readonly queries: readonly StaticField[];
  /** null: Leat's own default. */
  readonly connectTimeoutMs: number | null;
  readonly responseTimeoutMs: number | null;
}

export type FetchedEntry = { readonly entry: ServiceEntry } | { readonly problem: LeatError };

/** What was fetched so far; null: not yet. */
export type EntryOf = (lookup: ServiceLookup) => FetchedEntry | null;
