// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { INIT_RECORD_FILE, INIT_STATE_DIR } from '../../api/redirect-contract.ts';

/** What `init` decided in this boot of the node, as far as the daemon needs it. */
export interface InitRecord {
  /** Which of the two iptables holds the rules; each is blind to the other's. */
  readonly backend: 'nft' | 'legacy';
  /** Where the nat rules are: beside kube-proxy's nft mode they are a table of nft's own. */
  readonly nat: 'iptables' | 'nft-table';
  readonly isIpv6On: boolean;
}

/** Null where `init` has not run in this boot. @throws Error where the record can't be understood */
export async function readInitRecord(folder: string = INIT_STATE_DIR): Promise<InitRecord | null> {
  const path = join(folder, INIT_RECORD_FILE);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
  const { backend, nat, isIpv6On } = parseObject(text, path);
  if (backend !== 'nft' && backend !== 'legacy') throw unclear(path, 'backend', backend);
  if (nat !== 'iptables' && nat !== 'nft-table') throw unclear(path, 'nat', nat);
  if (typeof isIpv6On !== 'boolean') throw unclear(path, 'isIpv6On', isIpv6On);
  return { backend, nat, isIpv6On };
}

function parseObject(text: string, path: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch (cause) {
    throw new Error(`${path} is no JSON: run init again`, { cause });
  }
  throw new Error(`${path} is no JSON object: run init again`);
}

function unclear(path: string, field: string, value: unknown): Error {
  return new Error(`${path}: ${field} is ${JSON.stringify(value)}, which this version does not know: run init again`);
}
