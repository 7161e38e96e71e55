// SPDX-License-Identifier: Apache-2.0
import type { ObjectMeta } from '../../api/schema/parts.ts';

/**
 * Creation in milliseconds since the epoch. One that is missing or unreadable counts as the youngest: who can leave it out
 * must not win a tie by that.
 */
export function createdAtMs({ creationTimestamp }: ObjectMeta): number {
  const ms = Date.parse(creationTimestamp ?? '');
  return Number.isNaN(ms) ? Number.MAX_SAFE_INTEGER : ms;
}
