// SPDX-License-Identifier: Apache-2.0
import { asLeatError, LeatError } from '../errors/leat-error.ts';
import { withDeadline } from '../net/deadline.ts';
import type { IpAddress } from '../net/endpoint.ts';
import type { Workload } from '../workload/workload.ts';
import { answerQuery, type HostAddresses, type Managed, type Verdict } from './answer-query.ts';
import type { Deliver } from './ask-over-tcp.ts';
import { buildFailure, buildHeaderFailure } from './build-answer.ts';
import { holdUntilKnown, type Identify, type WhenKnown } from './hold-query.ts';
import type { DnsLimits } from './limits.ts';
import { AT, FLAG, HEADER_BYTES, RCODE } from './message.ts';
import type { OnOutcome, Transport } from './outcome.ts';
import { parseQuery } from './parse-query.ts';
import { readAddresses } from './read-addresses.ts';
import type { Places } from './share-places.ts';

/** What is known of sources and names. Hosts are in lower case without trailing dot. */
export interface NameView {
  readonly identify: Identify;
  readonly whenKnown: WhenKnown;
  /** Who a source that is pending may turn out to be, beside one that is not enrolled. */
  awaited(): readonly Workload[];
  /** How DNS answers this workload for a host; null: the host is not managed for it. */
  managed(workload: Workload, host: string): Managed;
  /** Synthetic addresses, allocated where there are none yet; null: no address is left, which is answered SERVFAIL. */
  addressesFor(host: string, workload: Workload): HostAddresses | null;
  /**
   * The real addresses that a workload is about to learn for a managed host. The answer waits for the promise, and where
   * it rejects or takes more than a second becomes SERVFAIL: what can't be captured is not given away.
   */
  onResolved?(workload: Workload, host: string, addresses: readonly IpAddress[]): void | Promise<void>;
}

/** One captured query's way back to the client, and on to the server that was asked. */
export interface Exchange {
  readonly transport: Transport;
  readonly source: IpAddress;
  reply(answer: Buffer): void;
  forward(query: Buffer, deliver: Deliver): Promise<void>;
}

export interface QueryContext {
  readonly view: NameView;
  readonly limits: DnsLimits;
  readonly places: Places;
  readonly onOutcome: OnOutcome;
  readonly signal: AbortSignal;
}

const RESOLVED_DEADLINE_MS = 1000;

/**
 * Answers a captured query, or forwards it, or drops it. Never throws nor rejects: whatever a packet holds, it ends in one
 * outcome. Managed names are answered within this call; the promise is that of a query which waits for others.
 */
export function handleQuery(bytes: Buffer, exchange: Exchange, context: QueryContext): Promise<void> | undefined {
  try {
    const identity = context.view.identify(exchange.source);
    if (identity !== 'pending') return settle(bytes, identity, exchange, context);
    // What passes unchanged, whoever asked, waits for nobody: most names of pods that are not enrolled.
    if (!isManagedForAny(bytes, context.view)) return settle(bytes, null, exchange, context);
    return inPlace(bytes, exchange, context, () => holdQuery(bytes, exchange, context));
  } catch (error) {
    fail(bytes, error, exchange, context);
    return undefined;
  }
}

/** Holds a place while `work` waits for others. */
async function inPlace(
  bytes: Buffer,
  exchange: Exchange,
  context: QueryContext,
  work: () => Promise<void> | undefined,
): Promise<void> {
  const { places } = context;
  if (!places.enter(exchange.source)) {
    context.onOutcome('limited', exchange.transport);
    return;
  }
  try {
    await work();
  } catch (error) {
    fail(bytes, error, exchange, context);
  } finally {
    places.leave(exchange.source);
  }
}

async function holdQuery(bytes: Buffer, exchange: Exchange, context: QueryContext): Promise<void> {
  const { view, limits, signal } = context;
  const workload = await holdUntilKnown(exchange.source, view.identify, view.whenKnown, limits.holdMs, signal);
  await settle(bytes, workload, exchange, context);
}

function settle(
  bytes: Buffer,
  workload: Workload | null,
  exchange: Exchange,
  context: QueryContext,
): Promise<void> | undefined {
  const verdict = answerQuery(bytes, workload === null ? null : viewOf(workload, context.view));
  if (verdict.action === 'forward') {
    return inPlace(bytes, exchange, context, () => forwardQuery(bytes, verdict, workload, exchange, context));
  }
  if (verdict.action === 'answer') exchange.reply(verdict.bytes);
  context.onOutcome(verdict.action === 'answer' ? verdict.outcome : 'ignored', exchange.transport);
  return undefined;
}

/** Whether the answer depends on which of the awaited pods the source is, if any. */
function isManagedForAny(bytes: Buffer, view: NameView): boolean {
  const awaited = view.awaited();
  const verdict = answerQuery(bytes, {
    managed: (host) => (awaited.some((workload) => view.managed(workload, host) !== null) ? 'real' : null),
    addressesFor: () => null,
  });
  return verdict.action === 'answer' || (verdict.action === 'forward' && verdict.managed !== null);
}

function viewOf(workload: Workload, view: NameView) {
  return {
    managed: (host: string) => view.managed(workload, host),
    addressesFor: (host: string) => view.addressesFor(host, workload),
  };
}

async function forwardQuery(
  bytes: Buffer,
  verdict: Extract<Verdict, { action: 'forward' }>,
  workload: Workload | null,
  exchange: Exchange,
  context: QueryContext,
): Promise<void> {
  await exchange.forward(bytes, async (answer) => {
    if (verdict.managed === 'synthetic') nameExists(answer);
    if (verdict.managed === 'real' && workload !== null) await tell(answer, workload, verdict.host, context);
    exchange.reply(answer);
  });
  context.onOutcome('forwarded', exchange.transport);
}

/** NXDOMAIN says that the name has no record at all, which clients take for the addresses too (RFC 8020). */
function nameExists(answer: Buffer): void {
  const flags = answer.readUInt16BE(AT.flags);
  if ((flags & FLAG.rcode) !== RCODE.NXDOMAIN) return;
  answer.writeUInt16BE(flags & ~(FLAG.rcode | FLAG.authenticData), AT.flags);
}

async function tell(answer: Buffer, workload: Workload, host: string, { view, signal }: QueryContext): Promise<void> {
  const addresses = readAddresses(answer, host);
  if (addresses.length === 0 || view.onResolved === undefined) return;
  await withDeadline(
    RESOLVED_DEADLINE_MS,
    () => new LeatError('NOT_READY', `addresses of ${host} were not captured within ${RESOLVED_DEADLINE_MS} ms`),
    signal,
    async () => view.onResolved?.(workload, host, addresses),
  );
}

/** A server that is too slow is not answered for: the client waits for it no longer than it would without Leat. */
function fail(bytes: Buffer, cause: unknown, exchange: Exchange, context: QueryContext): void {
  const error = asLeatError(cause);
  context.onOutcome('failed', exchange.transport, error);
  if (error.code === 'UPSTREAM_TIMEOUT' || error.code === 'REQUEST_MALFORMED' || bytes.length < HEADER_BYTES) return;
  const query = parseQuery(bytes);
  if (query === 'not-a-query') return;
  const isQuestion = query !== 'opaque' && query !== 'malformed';
  exchange.reply(isQuestion ? buildFailure(query, RCODE.SERVFAIL) : buildHeaderFailure(bytes, RCODE.SERVFAIL));
}
