// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';

/** A program under measurement, and where a client of the bed reaches it. */
export interface Contender {
  readonly name: string;
  /** What the client connects to; the kernel redirects it. */
  readonly address: string;
  /** Null where nothing stands in the way. */
  readonly pid: number | null;
}

const TICKS_PER_SECOND = 100;

/** User and system time of all threads so far, in microseconds, to 10 ms. @see proc(5), /proc/PID/stat */
export function cpuUs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1_000_000) / TICKS_PER_SECOND;
}

export function residentBytes(pid: number): number {
  return sizeOf(pid, 'VmRSS');
}

/** The most that ever was. */
export function peakResidentBytes(pid: number): number {
  return sizeOf(pid, 'VmHWM');
}

function sizeOf(pid: number, what: string): number {
  const size = new RegExp(`^${what}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  return Number(size) * 1024;
}

export function descriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
