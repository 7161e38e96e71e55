// SPDX-License-Identifier: Apache-2.0
/** What has to hold for the daemon to be ready, each under a name, with the reason while it does not hold. */
export class Readiness {
  readonly #pending = new Map<string, string>();

  /** @param pending names that must become ready, each with what is waited for. */
  constructor(pending: Readonly<Record<string, string>>) {
    for (const [name, reason] of Object.entries(pending)) this.#pending.set(name, reason);
  }

  ready(name: string): void {
    this.#pending.delete(name);
  }

  notReady(name: string, reason: string): void {
    this.#pending.set(name, reason);
  }

  isReady(name: string): boolean {
    return !this.#pending.has(name);
  }

  /** Empty when everything holds. */
  reasons(): Record<string, string> {
    return Object.fromEntries(this.#pending);
  }
}
