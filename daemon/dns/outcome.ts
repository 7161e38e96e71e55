// SPDX-License-Identifier: Apache-2.0
import type { LeatError } from '../errors/leat-error.ts';

export type Transport = 'udp' | 'tcp';

/**
 * What became of a query (a label of metrics; closed set). Each query ends in exactly one of those above the line.
 * - `managed`: answered by Leat. `forwarded`: the answer of the server that was asked went back.
 * - `malformed`: of an enrolled pod, answered FORMERR. `ignored`: a response, or less than a header; never answered.
 * - `refused`: not captured, but sent straight to Leat's own address.
 * - `unreadable`: dropped, since the server that was asked can't be read.
 * - `limited`: dropped, since too much is in flight. `failed`: no answer could be had; SERVFAIL or nothing.
 * - `unsent`: an answer could not be sent. `idle`: a TCP connection was closed. `silent`: a heartbeat did not happen.
 */
export type DnsOutcome =
  | 'managed'
  | 'forwarded'
  | 'malformed'
  | 'ignored'
  | 'refused'
  | 'unreadable'
  | 'limited'
  | 'failed'
  | 'unsent'
  | 'idle'
  | 'silent';

/** Told of everything that happens, at each packet: has to be cheap, and must not throw. */
export type OnOutcome = (outcome: DnsOutcome, transport: Transport, error?: LeatError) => void;
