// SPDX-License-Identifier: Apache-2.0
import type { LeatError } from '../errors/leat-error.ts';
import type { Endpoint } from '../net/endpoint.ts';
import type { Workload } from '../workload/workload.ts';
import type { Route } from './route.ts';

/** What a decision is made of, and nothing else. */
export interface ConnectionFacts {
  readonly workload: Workload;
  readonly originalDestination: Endpoint;
  /** The name the application asked DNS for; null where it connected to an address. */
  readonly host: string | null;
  /**
   * Only where the address is known as a managed host's, but the connection is for none that the workload may use: the
   * name that it states, null where it states none.
   */
  readonly statedHost?: string | null;
}

/** `rule` says which Destination or which part of which policy decided, for records and for people. */
export type Decision =
  | { readonly allow: true; readonly route: Route; readonly rule: string }
  | { readonly allow: false; readonly error: LeatError; readonly rule: string };
