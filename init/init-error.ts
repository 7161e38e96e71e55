// SPDX-License-Identifier: Apache-2.0

/** What the exit codes mean: 2 is for the administrator's values (they have to change), 1 for the node (try again). */
export const EXIT_CODES = { applied: 0, failed: 1, refused: 2 } as const;

/**
 * A run that ends without having done its job. Each problem is a lower-case sentence that names what, the value and the
 * cure; all problems known at that point are reported at once.
 */
export class InitError extends Error {
  override readonly name = 'InitError';
  readonly exitCode: number;
  readonly problems: readonly string[];

  constructor(exitCode: number, problems: readonly string[]) {
    super(problems.join('\n'));
    this.exitCode = exitCode;
    this.problems = problems;
  }
}
