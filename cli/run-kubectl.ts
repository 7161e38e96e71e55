// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';

/** kubectl refused, with its own words. */
export class KubectlError extends Error {
  override readonly name = 'KubectlError';
}

/** An object of the API, as it comes. */
export interface Json {
  readonly [key: string]: unknown;
}

/** Runs kubectl: with the flags that the user gave, and so with the user's own rights. */
export class Kubectl {
  readonly #flags: readonly string[];

  /** @param flags --context, --kubeconfig and their like */
  constructor(flags: readonly string[]) {
    this.#flags = flags;
  }

  /** @throws KubectlError */
  run(argv: readonly string[], input = ''): string {
    const { stdout, stderr, status, error } = spawnSync('kubectl', [...this.#flags, ...argv], {
      encoding: 'utf8',
      input,
      maxBuffer: 512 * 1024 * 1024,
    });
    if (error !== undefined) throw new KubectlError(`kubectl could not be started: ${error.message}`);
    if (status !== 0) throw new KubectlError(stderr.trim());
    return stdout;
  }

  get(argv: readonly string[]): Json {
    return JSON.parse(this.run(['get', ...argv, '-o', 'json'])) as Json;
  }

  /** Empty where it may not be seen; then `onHidden` is told. */
  list(argv: readonly string[], onHidden: (what: string) => void): Json[] {
    try {
      return (this.get(argv).items as Json[] | undefined) ?? [];
    } catch (error) {
      if (!(error instanceof KubectlError) || !/forbidden|NotFound|doesn't have a resource/i.test(error.message))
        throw error;
      onHidden(`${argv[0]}: ${error.message.split('\n')[0]}`);
      return [];
    }
  }
}
