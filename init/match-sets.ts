// SPDX-License-Identifier: Apache-2.0
import type { SETS } from '../api/redirect-contract.ts';
import type { Family } from './address-range.ts';
import { setName } from './set-plan.ts';

type Side = 'src' | 'dst' | 'dst,dst';

/** `-m set --match-set leat-pods4 src` */
export function inSet(name: keyof typeof SETS, family: Family, side: Side): readonly string[] {
  return ['-m', 'set', '--match-set', setName(name, family), side];
}

/** `-m set ! --match-set leat-skip4 src` */
export function notInSet(name: keyof typeof SETS, family: Family, side: Side): readonly string[] {
  return ['-m', 'set', '!', '--match-set', setName(name, family), side];
}
