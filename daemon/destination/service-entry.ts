// SPDX-License-Identifier: Apache-2.0
/** What an SAP Destination service says, in Leat's words. */
import type { LeatError } from '../errors/leat-error.ts';
import type { DestinationPort, EntryFacts, ServiceImport, ServiceLookup, StaticField } from './destination.ts';
import type { Place } from './held-places.ts';

/** An entry in Leat's words. Where it goes out of what was allowed, and whether, is decided by who uses it. */
export interface ServiceEntry extends EntryFacts {
  /** The name that applications use, unless the Destination gives others. */
  readonly host: string;
  readonly ports: readonly DestinationPort[];
  readonly locationId: string | null;
  /** TrustAll: the target's certificate is not to be verified. */
  readonly trustsAll: boolean;
  readonly headers: readonly StaticField[];
  readonly queries: readonly StaticField[];
  /** null: Leat's own default. */
  readonly connectTimeoutMs: number | null;
  readonly responseTimeoutMs: number | null;
}

export type FetchedEntry =
  | { readonly entry: ServiceEntry }
  /** `place`: where it would be; missing: that can't be read either. */
  | { readonly problem: LeatError; readonly place?: Place };

/** What was fetched so far; null: not yet. */
export type EntryOf = (lookup: ServiceLookup) => FetchedEntry | null;

/** All entries of one level. */
export type FetchedImport =
  | {
      readonly entries: readonly { readonly name: string; readonly fetched: FetchedEntry }[];
      /** The level has more than are taken. */
      readonly isCut: boolean;
      /** The service can't be had now: this is what it said before. */
      readonly isStale: boolean;
    }
  | { readonly problem: LeatError };

export type ImportOf = (asked: ServiceImport) => FetchedImport | null;
