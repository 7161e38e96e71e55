// SPDX-License-Identifier: Apache-2.0
import { HEARTBEAT_SET, HEARTBEAT_TIMEOUT_SECONDS, SETS } from '../api/redirect-contract.ts';
import type { AddressRange, Family } from './address-range.ts';
import type { PlannedSet } from './rule.ts';

/** The set of one family: `leat-pods4`. */
export function setName(name: keyof typeof SETS, family: Family): string {
  return `${SETS[name]}${family}`;
}

// Elements are allocated as they come: a high bound costs nothing until it is used. Pods and ranges of one node stay far
// below theirs; `known` holds every pair of resolved address and port.
const TYPES: Readonly<Record<keyof typeof SETS, { type: string; maxElements: number }>> = {
  pods: { type: 'hash:ip', maxElements: 65_536 },
  skip: { type: 'hash:ip', maxElements: 65_536 },
  ranges: { type: 'hash:net', maxElements: 65_536 },
  cidrs: { type: 'hash:net', maxElements: 65_536 },
  except: { type: 'hash:net', maxElements: 65_536 },
  deny: { type: 'hash:ip', maxElements: 65_536 },
  services: { type: 'hash:ip', maxElements: 65_536 },
  known: { type: 'hash:ip,port', maxElements: 1_048_576 },
};

/** The sets that rules match and the daemon fills; only the pod ranges are put in here. */
export function planSets(families: readonly Family[], podRanges: readonly AddressRange[]): readonly PlannedSet[] {
  const alive: PlannedSet = {
    name: HEARTBEAT_SET,
    type: `bitmap:port range 53-53 timeout ${HEARTBEAT_TIMEOUT_SECONDS}`,
  };
  const perFamily = families.flatMap((family) =>
    (Object.keys(SETS) as (keyof typeof SETS)[]).map((key): PlannedSet => {
      const { type, maxElements } = TYPES[key];
      const set = {
        name: setName(key, family),
        type: `${type} family ${family === 4 ? 'inet' : 'inet6'} maxelem ${maxElements}`,
      };
      if (key !== 'ranges') return set;
      return { ...set, members: podRanges.filter((range) => range.family === family).map(printMember) };
    }),
  );
  return [alive, ...perFamily];
}

/** ipset prints a range of one address without its length. */
function printMember(range: AddressRange): string {
  return range.text.replace(range.family === 4 ? /\/32$/ : /\/128$/, '');
}
