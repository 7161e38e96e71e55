// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { INIT_RECORD_FILE } from '../api/redirect-contract.ts';
import type { BackendChoice } from './iptables-backend.ts';

/**
 * What `init` remembers until the node boots again, in `init.json` of the state folder: the backend (a second detection
 * could be misled by tables that appeared meanwhile), and what it added to lo, so that a clean-up or a changed option
 * removes exactly that. The daemon reads `backend` and `nat` to know which rules to watch.
 */
export interface BootRecord extends BackendChoice {
  /** /proc/sys/kernel/random/boot_id of the boot it was written in. */
  readonly bootId: string;
  readonly nat: 'iptables' | 'nft-table';
  readonly isIpv6On: boolean;
  /** Addresses on lo that were not there before. */
  readonly addresses: readonly string[];
  /** Ranges routed to lo. */
  readonly routes: readonly string[];
}

/** The record of this boot; null where there is none, or one of an earlier boot, or one that can't be understood. */
export function readBootRecord(stateDir: string): BootRecord | null {
  let text: string;
  try {
    text = readFileSync(join(stateDir, INIT_RECORD_FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    const record = JSON.parse(text) as BootRecord;
    return record.bootId === readBootId() && Array.isArray(record.addresses) && Array.isArray(record.routes)
      ? record
      : null;
  } catch {
    return null; // cut short by a crash: detection starts anew
  }
}

/** Replaces the record in one step. */
export function writeBootRecord(stateDir: string, record: Omit<BootRecord, 'bootId'>): void {
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const path = join(stateDir, INIT_RECORD_FILE);
  writeFileSync(`${path}.new`, `${JSON.stringify({ bootId: readBootId(), ...record })}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Forgets; fine where there is none. */
export function removeBootRecord(stateDir: string): void {
  rmSync(join(stateDir, INIT_RECORD_FILE), { force: true });
}

function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
