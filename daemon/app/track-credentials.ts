// SPDX-License-Identifier: Apache-2.0
import type { Destination } from '../destination/destination.ts';
import type { ErrorCode } from '../errors/error-codes.ts';
import { LeatError } from '../errors/leat-error.ts';
import type { CredentialSource } from '../http/ports.ts';
import type { ResourceProblem, Snapshot } from '../routing/snapshot.ts';
import { Troubles, type TroublesParts } from './troubles.ts';

export interface CredentialTracker {
  /** The same source; what comes of it is noted. */
  watch(source: CredentialSource): CredentialSource;
  /** Destinations whose credential could not be had of late, and not since. */
  problems(): readonly ResourceProblem[];
  /** What was said of Destinations that are gone, or another by now, is forgotten. */
  prune(snapshot: Snapshot): void;
  /** Looks which troubles last; done once a second until `stop`. */
  review(): void;
  stop(): void;
}

/** Faults of the resource, its Secret or its token service. What is wrong with a caller's own token is not among them. */
const OF_THE_RESOURCE: ReadonlySet<ErrorCode> = new Set([
  'CREDENTIAL_UNAVAILABLE',
  'CREDENTIAL_REJECTED',
  'AUTH_TOKEN_ERROR',
  'SECRET_INVALID',
]);

/**
 * Knows which Destinations are refused their credential as they are used: a token server that is down is no fault of the
 * resource, but its condition has to say so.
 */
export function trackCredentials(parts: Omit<TroublesParts, 'over'>): CredentialTracker {
  const troubles = new Troubles<Destination>({ ...parts, over: 'a credential can be had again' });
  return {
    watch: (source) => ({
      ...source,
      async headersFor(destination, ...asked) {
        try {
          const fields = await source.headersFor(destination, ...asked);
          troubles.succeeded(destination.id);
          return fields;
        } catch (error) {
          if (error instanceof LeatError && OF_THE_RESOURCE.has(error.code)) {
            troubles.failed(destination.id, destination, error);
          }
          throw error;
        }
      },
    }),
    problems: () => troubles.problems(),
    prune(snapshot) {
      if (troubles.isEmpty) return;
      const current = new Map([...snapshot.destinations.all()].map((each) => [each.id, each]));
      troubles.forget((id, { resolved }) => current.get(id)?.resolved !== resolved);
    },
    review: () => troubles.review(),
    stop: () => troubles.stop(),
  };
}
