// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The environment variable that marks every program of a lab; its value is the lab's prefix, leat-PID-N. */
export const labMark = 'LEAT_LAB';

const labName = /^leat-(\d+)-\d+(-|$)/;

/** Kills every process whose environment carries the mark of a lab that the caller accepts. Returns how many it killed. */
export function killMarked(accepts: (mark: string) => boolean): number {
  let killed = 0;
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    const mark = markOf(entry);
    if (mark === undefined || !accepts(mark)) continue;
    try {
      process.kill(Number(entry), 'SIGKILL');
      killed += 1;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
  return killed;
}

function markOf(pid: string): string | undefined {
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
    const line = environment.split('\0').find((each) => each.startsWith(`${labMark}=`));
    return line?.slice(labMark.length + 1);
  } catch {
    // It ended meanwhile, or belongs to another user: then it is not a lab's of ours.
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Names of namespaces that labs made, of living and dead processes alike. */
export function labNamespaces(): string[] {
  const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' });
  return (stdout ?? '')
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
    .filter((name) => labName.test(name));
}

/** Removes what labs of dead processes left: programs, namespaces, folders. Never touches a living process's lab. Returns what it removed. */
export function sweepLeftovers(): string[] {
  const isDead = (name: string) => {
    const pid = labName.exec(name)?.[1];
    return pid !== undefined && !isAlive(Number(pid));
  };
  const removed: string[] = [];
  killMarked(isDead);
  for (const name of labNamespaces().filter(isDead)) {
    const { stdout } = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' });
    for (const pid of (stdout ?? '').split('\n').filter((line) => line !== '')) {
      spawnSync('kill', ['-KILL', pid]);
    }
    spawnSync('ip', ['netns', 'delete', name]);
    removed.push(`namespace ${name}`);
  }
  for (const entry of readdirSync(tmpdir()).filter(isDead)) {
    rmSync(join(tmpdir(), entry), { recursive: true, force: true });
    removed.push(`folder ${join(tmpdir(), entry)}`);
  }
  return removed;
}
