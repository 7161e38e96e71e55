// SPDX-License-Identifier: Apache-2.0
import type { Token } from './token.ts';

const MAX_REFRESH_MARGIN_MS = 60_000;
const MAX_TRAVEL_MS = 5000;
const MIN_RETRY_MS = 250;
/** A service that is down is asked this often, so that its return is noticed within two seconds. */
export const MAX_RETRY_UNAVAILABLE_MS = 1_500;
/** A service that said no will mostly say it again. */
export const MAX_RETRY_REFUSED_MS = 30_000;

/**
 * Milliseconds until a token should be refreshed: 60 s or a fifth of its life before it expires, whichever is less, and
 * up to as much again earlier, so that many daemons do not ask in the same second.
 */
export function refreshDelayMs({ obtainedAtMs, expiresAtMs }: Token, random: () => number): number {
  const lifeMs = expiresAtMs - obtainedAtMs;
  const marginMs = Math.min(MAX_REFRESH_MARGIN_MS, lifeMs / 5);
  return lifeMs - marginMs * (1 + random());
}

/** When a token is not sent any more: on its way it must not expire. */
export function usableUntilMs({ obtainedAtMs, expiresAtMs }: Token): number {
  return expiresAtMs - Math.min(MAX_TRAVEL_MS, (expiresAtMs - obtainedAtMs) / 10);
}

/** Milliseconds to wait behind a failure: doubling from 0.25 s to `maxMs`, with jitter over the upper half. */
export function retryDelayMs(previousFailures: number, maxMs: number, random: () => number): number {
  return Math.max(MIN_RETRY_MS, Math.min(maxMs, MIN_RETRY_MS * 2 ** previousFailures) * (0.5 + random() / 2));
}
