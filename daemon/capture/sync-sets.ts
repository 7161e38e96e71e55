// SPDX-License-Identifier: Apache-2.0
import type { Ipset } from './ipset-netlink.ts';

export interface SetChange {
  readonly added: number;
  readonly removed: number;
}

export interface SetSync {
  /**
   * Makes the sets hold exactly these members. Sets that are not named are left alone. Calls are carried out one after the
   * other; of those that wait, the last one counts for all. Rejects with IpsetError; the next call then reads the sets anew.
   */
  apply(desired: ReadonlyMap<string, ReadonlySet<string>>): Promise<SetChange>;
  /** Forgets what the sets held, so that the next apply() reads them: somebody else may have written. */
  forget(): void;
}

/**
 * Writes the difference between what the sets hold and what they should. Additions come first, over all sets: a pod that
 * moves from one set to another is at no moment in none.
 */
export function createSetSync(ipset: Ipset): SetSync {
  let held = new Map<string, Set<string>>();
  let running: Promise<unknown> = Promise.resolve();
  let waiting: { desired: ReadonlyMap<string, ReadonlySet<string>>; done: Promise<SetChange> } | null = null;

  async function write(desired: ReadonlyMap<string, ReadonlySet<string>>): Promise<SetChange> {
    const known = held;
    try {
      for (const set of desired.keys()) {
        if (!known.has(set)) known.set(set, await ipset.list(set));
      }
      const change = differenceOf(known, desired);
      for (const { set, member } of change.additions) {
        await ipset.add(set, member);
        known.get(set)?.add(member);
      }
      for (const { set, member } of change.removals) {
        await ipset.remove(set, member);
        known.get(set)?.delete(member);
      }
      return { added: change.additions.length, removed: change.removals.length };
    } catch (error) {
      held = new Map();
      throw error;
    }
  }

  return {
    apply: (desired) => {
      if (waiting !== null) {
        waiting.desired = desired;
        return waiting.done;
      }
      const turn = { desired, done: Promise.resolve<SetChange>({ added: 0, removed: 0 }) };
      turn.done = running.then(() => {
        waiting = null;
        return write(turn.desired);
      });
      waiting = turn;
      running = turn.done.catch(() => undefined);
      return turn.done;
    },
    forget: () => {
      held = new Map();
    },
  };
}

interface Element {
  readonly set: string;
  readonly member: string;
}

function differenceOf(
  known: ReadonlyMap<string, ReadonlySet<string>>,
  desired: ReadonlyMap<string, ReadonlySet<string>>,
): { additions: Element[]; removals: Element[] } {
  const additions: Element[] = [];
  const removals: Element[] = [];
  for (const [set, members] of desired) {
    const present = known.get(set) ?? new Set<string>();
    for (const member of members) if (!present.has(member)) additions.push({ set, member });
    for (const member of present) if (!members.has(member)) removals.push({ set, member });
  }
  return { additions, removals };
}
