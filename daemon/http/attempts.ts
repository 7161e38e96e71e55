// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import type { LeatError } from '../errors/leat-error.ts';
import type { AdmittedRequest } from './admit-request.ts';
import type { CredentialHeader, CredentialSource } from './ports.ts';
import { type Attempt, mayRetryFailure, mayRetryStatus, retryDelayMs } from './retry.ts';

/** What a request looks like to those who judge whether it may be sent again. */
export type AttemptShape = Omit<Attempt, 'previousAttempts'>;

/** `again` comes behind {@link Attempts.wait}; `fresh` at once, with the credential that is there now. */
export type Verdict = 'final' | 'again' | 'fresh';

/** How often a request was sent, and whether it may be sent once more; the same on every path. */
export class Attempts {
  readonly #admitted: AdmittedRequest;
  #previous = 0;
  #refreshes = 0;

  constructor(admitted: AdmittedRequest) {
    this.#admitted = admitted;
  }

  /** The one under way included. */
  get count(): number {
    return this.#previous + this.#refreshes + 1;
  }

  judgeFailure(error: LeatError, shape: AttemptShape): Verdict {
    const { retries } = this.#admitted.target.destination;
    return mayRetryFailure(error, { ...shape, previousAttempts: this.#previous }, retries) ? 'again' : 'final';
  }

  /** Whether an answer of this status needs no judgement: it is the answer. */
  isFinal(status: number, shape: AttemptShape): boolean {
    return status !== 401 && !this.#mayRetryStatus(status, shape);
  }

  /** Tells the credentials of a 401, also where nothing can be repeated: the next request shall have a better one. */
  async judgeAnswer(
    status: number,
    shape: AttemptShape,
    rejected: () => ReturnType<CredentialSource['rejected']>,
  ): Promise<Verdict> {
    const isFresh = status === 401 && (await rejected());
    if (isFresh && this.#refreshes === 0 && !shape.bodyStarted) {
      // A 401 is an answer of "not done": any method may be repeated, as long as there is all of it.
      this.#refreshes += 1;
      return 'fresh';
    }
    return this.#mayRetryStatus(status, shape) ? 'again' : 'final';
  }

  /** @throws the signal's reason */
  async wait(signal: AbortSignal): Promise<void> {
    await sleep(retryDelayMs(this.#previous, Math.random), undefined, { signal }).catch(() => signal.throwIfAborted());
    this.#previous += 1;
  }

  #mayRetryStatus(status: number, shape: AttemptShape): boolean {
    const { retries } = this.#admitted.target.destination;
    if (retries.statuses.length === 0) return false;
    return mayRetryStatus(status, { ...shape, previousAttempts: this.#previous }, retries);
  }
}

/** Whether the same fields would be sent. */
export function isSameProof(one: readonly CredentialHeader[], other: readonly CredentialHeader[]): boolean {
  if (one === other) return true;
  return (
    one.length === other.length &&
    one.every(({ name, value }, i) => name === other[i]?.name && value?.reveal() === other[i]?.value?.reveal())
  );
}
