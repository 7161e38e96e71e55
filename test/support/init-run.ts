// SPDX-License-Identifier: Apache-2.0
import type { Lab } from './lab.ts';
import type { Namespace } from './namespace.ts';
import type { Finished } from './running.ts';

const MAIN = new URL('../../init/main.ts', import.meta.url).pathname;

export const BACKENDS = ['nft', 'legacy'] as const;
export const NAT_MODES = ['iptables', 'nft-table'] as const;
export type Backend = (typeof BACKENDS)[number];
export type NatMode = (typeof NAT_MODES)[number];

/** nft(8): node_modules/.bin, which is in PATH under npm, holds another program of that name. */
export const NFT = ['env', 'PATH=/usr/sbin:/sbin:/usr/bin:/bin', 'nft'] as const;

/** `init` of one node of a lab, with a state folder of its own; a failure of init is returned, not thrown. */
export class InitOfNode {
  readonly node: Namespace;
  readonly stateDir: string;

  constructor(node: Namespace, stateDir: string) {
    this.node = node;
    this.stateDir = stateDir;
  }

  static async create(lab: Lab, node: Namespace): Promise<InitOfNode> {
    return new InitOfNode(node, await lab.tempDir());
  }

  run(...args: string[]): Promise<Finished> {
    return this.node.run([process.execPath, MAIN, `--state-dir=${this.stateDir}`, ...args], { allowFailure: true });
  }

  /** Runs init with the pod ranges of the tests, and throws where it fails. */
  async apply(...args: string[]): Promise<Finished> {
    const finished = await this.run('--pod-ranges=10.1.0.0/16,fd00:1::/32', ...args);
    if (finished.code !== 0) throw new Error(`init failed (${finished.code}): ${finished.stderr}${finished.stdout}`);
    return finished;
  }
}

/** iptables-save of both families, without comments and counters, and without tables that hold only empty ACCEPT chains. */
export async function saveRules(node: Namespace, backend: Backend): Promise<string> {
  const texts: string[] = [];
  for (const tool of [`iptables-${backend}-save`, `ip6tables-${backend}-save`]) {
    const { stdout } = await node.run([tool]);
    for (const [table = ''] of stdout.matchAll(/^\*[\s\S]*?^COMMIT$/gm)) {
      const lines = table.split('\n').map((line) => line.replace(/ \[\d+:\d+\]$/, ''));
      const isEmpty = lines.every((line) => /^(\*\w+|COMMIT|:\w+ ACCEPT)$/.test(line));
      if (!isEmpty) texts.push(`${tool}\n${lines.join('\n')}`);
    }
  }
  return texts.sort().join('\n');
}

/** Everything of the node that init can change but the rules of iptables: sets, routes, addresses, nft tables. */
export async function saveSurroundings(node: Namespace): Promise<string> {
  const texts: string[] = [];
  for (const command of [
    ['ipset', 'list', '-name'],
    ['ip', '-br', 'address', 'show'],
    ['ip', '-4', 'route', 'show', 'table', 'all'],
    ['ip', '-6', 'route', 'show', 'table', 'all'],
  ]) {
    texts.push((await node.run(command)).stdout);
  }
  // iptables-nft leaves its own tables, empty: they are judged by saveRules.
  const tables = (await node.run([...NFT, 'list', 'tables'])).stdout.split('\n');
  texts.push(...tables.filter((table) => !/^table (ip|ip6) (raw|mangle|nat|filter)$/.test(table)));
  return texts.join('\n');
}
