// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from 'node:fs';
import { FAMILIES, type Family, parseRange } from './address-range.ts';
import { type Backend, iptablesCommand } from './iptables-backend.ts';
import type { InterfaceAddress } from './rule-context.ts';
import { type Run, runOrFail } from './run-command.ts';

/** A route of any table, with its destination as a range; default routes are left out. */
export interface NodeRoute {
  readonly destination: string;
  readonly interface: string;
  readonly isLocal: boolean;
}

/** The node's addresses, all interfaces and both families. */
export function readAddresses(run: Run): readonly InterfaceAddress[] {
  const links = JSON.parse(runOrFail(run, 'ip', ['-j', 'address', 'show']) || '[]') as readonly {
    readonly ifname?: string;
    readonly addr_info?: readonly { readonly local?: string }[];
  }[];
  return links.flatMap((link) =>
    (link.addr_info ?? []).flatMap(({ local }) =>
      link.ifname === undefined || local === undefined ? [] : [{ interface: link.ifname, address: local }],
    ),
  );
}

/** The node's routes, all tables and both families. */
export function readRoutes(run: Run): readonly NodeRoute[] {
  // A kernel booted with ipv6.disable=1 refuses to be asked for IPv6 routes.
  const families = FAMILIES.filter((family) => family === 4 || existsSync('/proc/sys/net/ipv6'));
  return families.flatMap((family) => {
    const text = runOrFail(run, 'ip', ['-j', `-${family}`, 'route', 'show', 'table', 'all']);
    const routes = JSON.parse(text || '[]') as readonly {
      readonly type?: string;
      readonly dst?: string;
      readonly dev?: string;
    }[];
    return routes.flatMap(({ type, dst = 'default', dev = '' }) => {
      const range = parseRange(dst);
      return range === null ? [] : [{ destination: range.text, interface: dev, isLocal: type === 'local' }];
    });
  });
}

/** Whether kube-proxy runs in its nft mode here: it then has a table of its own (`ip kube-proxy`). */
export function hasKubeProxyNftTable(run: Run): boolean {
  const { status, stdout } = run('nft', ['list', 'tables']);
  return status === 0 && /^table (ip|ip6|inet) kube-proxy$/m.test(stdout);
}

/** Why IPv6 can't be programmed here, or null where it can. */
export function whyNoIpv6(run: Run, backend: Backend, isDryRun: boolean): string | null {
  for (const scope of ['all', 'lo']) {
    const path = `/proc/sys/net/ipv6/conf/${scope}/disable_ipv6`;
    const value = readSysctl(path);
    if (value === null) return 'the kernel has no IPv6';
    if (value !== '0') return `${path} is ${value}`;
  }
  // --test builds the transaction and does not commit it, but in legacy even that makes the table: not in a dry run.
  if (isDryRun && backend === 'legacy') return null;
  const command = iptablesCommand(6, backend, 'restore');
  const { status, stderr } = run(command, ['--noflush', '--test'], '*nat\nCOMMIT\n');
  if (status === 0) return null;
  return `${command} has no nat table: ${stderr.trim().split('\n')[0] ?? ''}`;
}

function readSysctl(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** The family of an address as the kernel's tools print it. */
export function familyOfText(text: string): Family {
  return text.includes(':') ? 6 : 4;
}
