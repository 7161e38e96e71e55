// SPDX-License-Identifier: Apache-2.0
import type { Family } from './address-range.ts';

/** An address that an interface carries now. */
export interface InterfaceAddress {
  readonly interface: string;
  readonly address: string;
}

/** What the rules of one family are made from. */
export interface RuleContext {
  readonly family: Family;
  /** Leat's own address on lo. */
  readonly leatAddress: string;
  readonly syntheticRange: string;
  readonly capturePort: number;
  readonly dnsPort: number;
  readonly dnsZone: number;
  readonly mark: number;
  /** Interfaces where REDIRECT turns packets; DNAT does for all others. `all`: REDIRECT everywhere. */
  readonly redirectOn: readonly string[] | 'all';
}
