// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';

/** What draining ends in the end. */
interface Destroyable {
  destroy(reason: LeatError): unknown;
}

/** The connections that are open, for draining. */
export class ConnectionTracker {
  readonly #open = new Set<Destroyable>();
  #idle = Promise.withResolvers<void>();

  constructor() {
    this.#idle.resolve();
  }

  get size(): number {
    return this.#open.size;
  }

  /** Follows a connection until `done` gives it back; `done` never rejects. */
  track<T extends Destroyable>(connection: T, done: Promise<T>): void {
    if (this.#open.size === 0) this.#idle = Promise.withResolvers<void>();
    this.#open.add(connection);
    void done.then(this.#leave);
  }

  /** One for all: a function for each would be kept for as long as its connection is open. */
  readonly #leave = (connection: Destroyable): void => {
    this.#open.delete(connection);
    if (this.#open.size === 0) this.#idle.resolve();
  };

  /** Resolves when none is open, and after `timeoutMs` in any case. */
  async idle(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([this.#idle.promise, timeout]);
    clearTimeout(timer);
  }

  /**
   * Waits until all have ended, at most `drainMs`; then `cut` is to end what is left, which is reset and waited for.
   */
  async drain(drainMs: number, cut: () => void): Promise<{ readonly cut: number }> {
    await this.idle(drainMs);
    const left = this.#open.size;
    cut();
    for (const connection of this.#open) {
      connection.destroy(new LeatError('DRAINED', 'the daemon stopped before the connection ended'));
    }
    await this.#idle.promise;
    return { cut: left };
  }
}
