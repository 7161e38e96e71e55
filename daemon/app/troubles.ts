// SPDX-License-Identifier: Apache-2.0
import { conditionReason } from '../errors/condition-reason.ts';
import type { LeatError } from '../errors/leat-error.ts';
import type { Clock } from '../net/clock.ts';
import type { ResourceProblem } from '../routing/snapshot.ts';
import type { Logger } from '../telemetry/logger.ts';

export interface TroublesParts {
  readonly clock: Clock;
  readonly log: Logger;
  /** What `problems` gives is another. */
  readonly onChange: () => void;
  /** For the log, when it is over. */
  readonly over: string;
}

interface Trouble<T> {
  readonly of: T;
  readonly sinceMs: number;
  lastMs: number;
  error: LeatError;
  isTold: boolean;
}

/** What others are given meanwhile, or a moment later, is no trouble of the resource: of one user of many, for example. */
const TOLD_AFTER_MS = 1_000;
/** Nobody has tried since: what was wrong then may be right by now. */
const FORGOTTEN_AFTER_MS = 600_000;
const MAX_TROUBLES = 4_096;

/**
 * What is wrong with resources as they are used, and not as they are written. It is told once it has lasted for a second,
 * until it works again, or ten minutes without a try.
 */
export class Troubles<T> {
  readonly #parts: TroublesParts;
  readonly #troubles = new Map<string, Trouble<T>>();
  readonly #timer: NodeJS.Timeout;

  constructor(parts: TroublesParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => this.review(), TOLD_AFTER_MS).unref();
  }

  /** @param of what failed, for {@link Troubles.forget} */
  failed(id: string, of: T, error: LeatError): void {
    const nowMs = this.#parts.clock.monotonicMs();
    const known = this.#troubles.get(id);
    if (known !== undefined) {
      known.lastMs = nowMs;
      known.error = error;
    } else if (this.#troubles.size < MAX_TROUBLES) {
      this.#troubles.set(id, { of, sinceMs: nowMs, lastMs: nowMs, error, isTold: false });
    }
  }

  /** @param begunMs when what has succeeded began: what failed since then is not over; default now */
  succeeded(id: string, begunMs = Number.POSITIVE_INFINITY): void {
    const known = this.#troubles.get(id);
    if (known === undefined || begunMs < known.lastMs) return;
    this.#troubles.delete(id);
    if (!known.isTold) return;
    const { log, onChange, over } = this.#parts;
    log.info({ resource: id }, over);
    onChange();
  }

  problems(): readonly ResourceProblem[] {
    return [...this.#troubles].flatMap(
      ([
        resource,
        {
          isTold,
          error: { code, message },
        },
      ]) => (isTold ? [{ resource, reason: conditionReason(code), message }] : []),
    );
  }

  /** Those of what is gone, or another by now. */
  forget(isOver: (id: string, of: T) => boolean): void {
    for (const [id, { of }] of this.#troubles) if (isOver(id, of)) this.#troubles.delete(id);
  }

  get isEmpty(): boolean {
    return this.#troubles.size === 0;
  }

  /** Looks which troubles last; done once a second until `stop`. */
  review(): void {
    const { clock, log, onChange } = this.#parts;
    const nowMs = clock.monotonicMs();
    let isChanged = false;
    for (const [id, trouble] of this.#troubles) {
      if (nowMs - trouble.lastMs > FORGOTTEN_AFTER_MS) {
        this.#troubles.delete(id);
        isChanged ||= trouble.isTold;
      } else if (!trouble.isTold && nowMs - trouble.sinceMs >= TOLD_AFTER_MS) {
        trouble.isTold = true;
        isChanged = true;
        log.warn({ resource: id, code: trouble.error.code }, trouble.error.message);
      }
    }
    if (isChanged) onChange();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
