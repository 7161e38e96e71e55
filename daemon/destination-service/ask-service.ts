// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceLookup, Tenant } from '../destination/destination.ts';
import { entryNotFound, fragmentNotFound, tenantUnknown } from '../destination/entry-not-found.ts';
import { tenantName } from '../destination/tenant.ts';
import { LeatError } from '../errors/leat-error.ts';
import { createAskLabels } from './ask-labels.ts';
import { entryPath, lookupHeaders } from './build-request.ts';

import { parseServiceAnswer, type ServiceAnswer } from './parse-answer.ts';
import type { ServiceAccess } from './read-service.ts';
import { type HeaderFields, type RawAnswer, requestService } from './service-request.ts';

export interface AskOptions {
  readonly withTokens: boolean;
  /** What the application contributes: its user's token and what belongs to it. */
  readonly callerHeaders: HeaderFields;
}

/**
 * Asks for an entry: find (v1) or consume (v2).
 * @throws DESTINATION_SERVICE_UNAVAILABLE where asking later may help; DESTINATION_ENTRY_NOT_FOUND, FRAGMENT_NOT_FOUND,
 * DESTINATION_ENTRY_INVALID, DESTINATION_CALL_REFUSED, TENANT_UNKNOWN, TENANT_NOT_SUBSCRIBED where it won't; the signal's
 * reason
 */
export type AskService = (lookup: ServiceLookup, options: AskOptions, signal: AbortSignal) => Promise<ServiceAnswer>;

/** SAP Help, "Destination service: client-side caching and retries" wants 100 ms at least. */
const RETRY_DELAYS_MS = [100, 400];

/** Asks with a token of the source, or the tenant; one that is refused is fetched anew once, a service that fails asked again. */
export function createAskService(access: ServiceAccess): AskService {
  const { connect, tokenFor } = access;
  const askLabels = createAskLabels(access);
  const once = async (lookup: ServiceLookup, options: AskOptions, refresh: boolean, signal: AbortSignal) => {
    const token = await tokenFor(lookup.service.client, { refresh }, signal).catch((cause: unknown) => {
      signal.throwIfAborted();
      const refusal = lookup.tenant === null ? null : tenantRefusal(lookup.service.name, lookup.tenant, cause);
      if (refusal !== null) throw refusal;
      const why = cause instanceof LeatError ? cause.message : 'unexpected';
      throw new LeatError('DESTINATION_SERVICE_UNAVAILABLE', `no token for the Destination service: ${why}`, { cause });
    });
    const headers: HeaderFields = [
      ['Authorization', `Bearer ${token.reveal()}`],
      ['Accept', 'application/json'],
      ...lookupHeaders(lookup),
      ...options.callerHeaders,
    ];
    return requestService(lookup.service, entryPath(lookup, options), headers, { connect, signal });
  };

  const withFreshToken: typeof once = async (lookup, options, refresh, signal) => {
    const answer = await once(lookup, options, refresh, signal);
    return answer.status === 401 && !refresh ? once(lookup, options, true, signal) : answer;
  };

  const ask: AskService = async (lookup, options, signal) => {
    for (const delayMs of [...RETRY_DELAYS_MS, null]) {
      try {
        return readAnswer(
          await withFreshToken(lookup, options, false, signal),
          lookup,
          options.callerHeaders.length > 0,
        );
      } catch (error) {
        const mayHelp = error instanceof LeatError && error.code === 'DESTINATION_SERVICE_UNAVAILABLE';
        if (!mayHelp || delayMs === null) throw error;
      }
      await sleep(delayMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
    throw new LeatError('INTERNAL', 'the last attempt neither answered nor failed');
  };

  return async (lookup, options, signal) => {
    const answer = await ask(lookup, options, signal);
    if (lookup.withLabels !== true || options.withTokens) return answer;
    return { ...answer, labels: await askLabels(lookup, answer, signal) };
  };
}

function readAnswer({ status, text }: RawAnswer, lookup: ServiceLookup, hasCaller: boolean): ServiceAnswer {
  const { name, level, service, fragments } = lookup;
  if (status === 200) return parseServiceAnswer(text);
  if (status === 404 && fragments.length > 0 && /fragment/i.test(errorMessageOf(text))) {
    throw fragmentNotFound(
      service.name,
      fragments.map((fragment) => fragment.name),
    );
  }
  if (status === 404) throw entryNotFound(service.name, lookup);
  const what = `"${name}"${level === null ? '' : ` at level ${level}`}`;
  const said = `the Destination service "${service.name}" answered ${status} for ${what}`;
  if (status >= 400 && status < 500 && status !== 401 && status !== 403 && status !== 408 && status !== 429) {
    throw new LeatError(
      // Without anything of the caller's the entry was given: what was sent along does not fit.
      hasCaller ? 'DESTINATION_CALL_REFUSED' : 'DESTINATION_ENTRY_INVALID',
      `${said}: name, level, fragments, chain or the user's token don't fit`,
    );
  }
  throw new LeatError('DESTINATION_SERVICE_UNAVAILABLE', said);
}

/** XSUAA knows no such tenant (404), or the tenant did not subscribe to the application of the binding (401). */
function tenantRefusal(service: string, tenant: Tenant, cause: unknown): LeatError | null {
  const status = cause instanceof LeatError ? cause.peerStatus : null;
  if (status === 404) return tenantUnknown(service, tenant);
  if (status !== 401) return null;
  const message = `tenant ${tenantName(tenant)} did not subscribe to the application of DestinationSource "${service}"`;
  return new LeatError('TENANT_NOT_SUBSCRIBED', message, { cause });
}

function errorMessageOf(text: string): string {
  try {
    const { ErrorMessage: message } = JSON.parse(text) as { ErrorMessage?: unknown };
    return typeof message === 'string' ? message : '';
  } catch {
    // Not what the service writes.
    return '';
  }
}
