// SPDX-License-Identifier: Apache-2.0
import type { Destination } from '../destination/destination.ts';
import { conditionReason } from '../errors/condition-reason.ts';
import type { ErrorCode } from '../errors/error-codes.ts';
import { LeatError } from '../errors/leat-error.ts';
import type { CredentialSource } from '../http/ports.ts';
import type { Clock } from '../net/clock.ts';
import type { ResourceProblem, Snapshot } from '../routing/snapshot.ts';
import type { Logger } from '../telemetry/logger.ts';

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

export interface CredentialTrackerParts {
  readonly clock: Clock;
  readonly log: Logger;
  /** What `problems` gives is another. */
  readonly onChange: () => void;
}

interface Trouble {
  readonly destination: Destination;
  readonly sinceMs: number;
  lastMs: number;
  error: LeatError;
  isTold: boolean;
}

/** Faults of the resource, its Secret or its token service. What is wrong with a caller's own token is not among them. */
const OF_THE_RESOURCE: ReadonlySet<ErrorCode> = new Set([
  'CREDENTIAL_UNAVAILABLE',
  'CREDENTIAL_REJECTED',
  'AUTH_TOKEN_ERROR',
  'SECRET_INVALID',
]);
/** What others are given meanwhile, or a moment later, is no trouble of the Destination: of one user of many, for example. */
const TOLD_AFTER_MS = 1_000;
/** Nobody has tried since: what was wrong then may be right by now. */
const FORGOTTEN_AFTER_MS = 600_000;
const MAX_TROUBLES = 4_096;

/**
 * Knows which Destinations are refused their credential as they are used: a token server that is down is no fault of the
 * resource, but its condition has to say so.
 */
export function trackCredentials({ clock, log, onChange }: CredentialTrackerParts): CredentialTracker {
  const troubles = new Map<string, Trouble>();
  const timer = setInterval(review, TOLD_AFTER_MS).unref();

  function review(): void {
    const nowMs = clock.monotonicMs();
    let isChanged = false;
    for (const [id, trouble] of troubles) {
      if (nowMs - trouble.lastMs > FORGOTTEN_AFTER_MS) {
        troubles.delete(id);
        isChanged ||= trouble.isTold;
      } else if (!trouble.isTold && nowMs - trouble.sinceMs >= TOLD_AFTER_MS) {
        trouble.isTold = true;
        isChanged = true;
        log.warn({ destination: id, code: trouble.error.code }, trouble.error.message);
      }
    }
    if (isChanged) onChange();
  }

  function failed(destination: Destination, error: unknown): void {
    if (!(error instanceof LeatError) || !OF_THE_RESOURCE.has(error.code)) return;
    const nowMs = clock.monotonicMs();
    const known = troubles.get(destination.id);
    if (known !== undefined) {
      known.lastMs = nowMs;
      known.error = error;
    } else if (troubles.size < MAX_TROUBLES) {
      troubles.set(destination.id, { destination, sinceMs: nowMs, lastMs: nowMs, error, isTold: false });
    }
  }

  function succeeded({ id }: Destination): void {
    const known = troubles.get(id);
    if (known === undefined) return;
    troubles.delete(id);
    if (!known.isTold) return;
    log.info({ destination: id }, 'a credential can be had again');
    onChange();
  }

  return {
    watch: (source) => ({
      ...source,
      async headersFor(destination, ...asked) {
        try {
          const fields = await source.headersFor(destination, ...asked);
          succeeded(destination);
          return fields;
        } catch (error) {
          failed(destination, error);
          throw error;
        }
      },
    }),
    problems: () =>
      [...troubles].flatMap(
        ([
          resource,
          {
            isTold,
            error: { code, message },
          },
        ]) => (isTold ? [{ resource, reason: conditionReason(code), message }] : []),
      ),
    prune(snapshot) {
      if (troubles.size === 0) return;
      const current = new Map([...snapshot.destinations.all()].map((each) => [each.id, each]));
      for (const [id, { destination }] of troubles) {
        if (current.get(id)?.resolved !== destination.resolved) troubles.delete(id);
      }
    },
    review,
    stop: () => clearInterval(timer),
  };
}
