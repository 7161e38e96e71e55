// SPDX-License-Identifier: Apache-2.0
import type { Condition } from '../../api/kinds/status.ts';

/** A condition as it is found now; when it turned is known from the one before. */
export type Finding = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

const MAX_MESSAGE = 2048;

/**
 * The conditions to be written, or null where nothing changed. Those of other types, which somebody else wrote, stay.
 *
 * @param nowText RFC 3339
 */
export function mergeConditions(
  before: readonly Condition[],
  findings: readonly Finding[],
  generation: number | undefined,
  nowText: string,
): Condition[] | null {
  const own = new Set(findings.map(({ type }) => type));
  let changed = false;
  const merged = findings.map((finding): Condition => {
    const message = shorten(finding.message);
    const old = before.find(({ type }) => type === finding.type);
    const observed = generation === undefined ? {} : { observedGeneration: generation };
    const lastTransitionTime = old?.status === finding.status ? old.lastTransitionTime : nowText;
    changed ||=
      old === undefined ||
      old.status !== finding.status ||
      old.reason !== finding.reason ||
      old.message !== message ||
      old.observedGeneration !== generation;
    return { ...finding, message, ...observed, lastTransitionTime };
  });
  return changed ? [...merged, ...before.filter(({ type }) => !own.has(type))] : null;
}

function shorten(message: string): string {
  return message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE - 3)}...` : message;
}
