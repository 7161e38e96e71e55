// SPDX-License-Identifier: Apache-2.0
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { IpAddress } from '../../net/endpoint.ts';
import { watchFolder } from '../folder-watch.ts';
import { type CniResult, parseCniResult } from './parse-cni-result.ts';

/** Which addresses the node's pods have now, by its runtime's word. */
export interface RuntimeAddresses {
  /** Null: nothing is known of this pod. */
  addressesOf(podUid: string): readonly IpAddress[] | null;
  /** The uid of the pod that has the address; null: nothing is known of it. */
  ownerOf(address: IpAddress): string | null;
}

export interface FollowedCniResults extends RuntimeAddresses {
  stop(): Promise<void>;
}

/** Also without a word of the kernel: an event may be lost. */
const POLL_MS = 30_000;
/** A result has some kilobytes. */
const MAX_BYTES = 1_000_000;

interface Seen {
  readonly writtenMs: number;
  readonly size: number;
  readonly result: CniResult | null;
}

/**
 * Follows what the node's runtime leaves of each pod's network: a pod's addresses stand there before its first container
 * starts, a second or more before the API server hears of them. Where the folder can't be read nothing is known, and the API
 * server's word is waited for as without.
 */
export function followCniResults(
  directory: string,
  onChange: () => void,
  onProblem: (problem: Error | null) => void,
): FollowedCniResults {
  const folder = watchFolder(directory);
  let files = new Map<string, Seen>();
  let byPod = new Map<string, CniResult>();
  let byAddress = new Map<IpAddress, string>();
  let isFailing = false;

  async function scan(): Promise<void> {
    const fresh = new Map<string, Seen>();
    for (const name of await readdir(directory)) {
      const seen = await look(join(directory, name), files.get(name));
      if (seen !== null) fresh.set(name, seen);
    }
    const isNew = fresh.size !== files.size || [...fresh].some(([name, seen]) => files.get(name) !== seen);
    files = fresh;
    if (!isNew) return;
    // of two of one pod the later: its sandbox was made anew
    const ordered = [...files.values()].sort((a, b) => a.writtenMs - b.writtenMs);
    byPod = new Map(ordered.flatMap(({ result }) => (result === null ? [] : [[result.podUid, result]])));
    byAddress = new Map(
      ordered.flatMap(({ result }) =>
        (result?.addresses ?? []).map((address): [IpAddress, string] => [address, result?.podUid ?? '']),
      ),
    );
    onChange();
  }

  async function follow(): Promise<void> {
    while (!folder.stopped) {
      try {
        await scan();
        if (isFailing) onProblem(null);
        isFailing = false;
      } catch (error) {
        if (!isFailing) onProblem(error as Error);
        isFailing = true;
      }
      await folder.change(POLL_MS);
    }
  }

  const following = follow();
  return {
    addressesOf: (podUid) => byPod.get(podUid)?.addresses ?? null,
    ownerOf: (address) => byAddress.get(address) ?? null,
    async stop() {
      folder.stop();
      await following;
    },
  };
}

/** @returns the same as before for a file that is as it was; null for one that is gone, or no result */
async function look(path: string, before: Seen | undefined): Promise<Seen | null> {
  try {
    const { mtimeMs: writtenMs, size } = await stat(path);
    if (before?.writtenMs === writtenMs && before.size === size) return before;
    const result = size > MAX_BYTES ? null : parseCniResult(await readFile(path, 'utf8'));
    return { writtenMs, size, result };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
