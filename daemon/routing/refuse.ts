// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';

/** Of a Destination or a source whose newest version is not valid only what it claims is left. */
export function refuse<T extends { readonly resolved: unknown }>(
  compiled: T,
  reason: string | null,
  unresolved: (problem: LeatError) => T['resolved'],
): T {
  if (reason === null) return compiled;
  const problem = new LeatError('DESTINATION_NOT_READY', `its newest version is not valid: ${reason}`);
  return { ...compiled, resolved: unresolved(problem) };
}
