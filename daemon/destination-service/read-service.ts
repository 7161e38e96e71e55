// SPDX-License-Identifier: Apache-2.0
import type { OAuth2Client, ServiceInstance } from '../destination/destination.ts';
import type { Secret } from '../destination/secret.ts';
import { LeatError } from '../errors/leat-error.ts';
import { type Connect, type RawAnswer, requestService } from './service-request.ts';

export interface ServiceAccess {
  readonly connect: Connect;
  /** credentials/: the token of the service instance. `refresh`: the last one was refused. */
  readonly tokenFor: (
    client: OAuth2Client,
    options: { readonly refresh: boolean },
    signal: AbortSignal,
  ) => Promise<Secret>;
}

/**
 * GET of what the service keeps, below `/v1/`, with a token of its own.
 * @throws DESTINATION_SERVICE_UNAVAILABLE; the signal's reason
 */
export type ReadService = (service: ServiceInstance, path: string, signal: AbortSignal) => Promise<RawAnswer>;

/** GET of the Destination service with a token of the source; one that is refused is fetched anew once. */
export function createReadService({ connect, tokenFor }: ServiceAccess): ReadService {
  return async (service, path, signal) => {
    const once = async (refresh: boolean) => {
      const token = await tokenFor(service.client, { refresh }, signal).catch((cause: unknown) => {
        signal.throwIfAborted();
        const why = cause instanceof LeatError ? cause.message : 'unexpected';
        throw unavailable(`has no token: ${why}`, service.name, cause);
      });
      const fields = [
        ['Authorization', `Bearer ${token.reveal()}`],
        ['Accept', 'application/json'],
      ] as const;
      return requestService(service, `/destination-configuration/v1/${path}`, fields, { connect, signal });
    };
    const answer = await once(false);
    return answer.status === 401 ? once(true) : answer;
  };
}

/** `what` completes "the Destination service NAME ...". */
export function unavailable(what: string, service: string, cause?: unknown): LeatError {
  return new LeatError('DESTINATION_SERVICE_UNAVAILABLE', `the Destination service "${service}" ${what}`, { cause });
}
