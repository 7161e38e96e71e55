// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import {
  CAPTURE_PORT,
  DNS_CONNTRACK_ZONE,
  DNS_PORT,
  INIT_STATE_DIR,
  LEAT_ADDRESS_4,
  LEAT_ADDRESS_6,
  SYNTHETIC_RANGE_4,
  SYNTHETIC_RANGE_6,
} from '../api/redirect-contract.ts';
import type { AddressRange } from './address-range.ts';
import { EXIT_CODES, InitError } from './init-error.ts';
import {
  readAddress,
  readChoice,
  readFolder,
  readMarkBit,
  readNumber,
  readRange,
  readRanges,
} from './read-option-value.ts';

/** How a captured packet is turned to the daemon. `auto`: REDIRECT where the interface has an address, DNAT elsewhere. */
type CaptureTarget = 'auto' | 'redirect' | 'dnat';
type BackendOption = 'auto' | 'nft' | 'legacy';
/** Where the nat rules stand; `auto`: an own nft table where kube-proxy has one of its own, iptables elsewhere. */
type NatOption = 'auto' | 'iptables' | 'nft-table';
type Ipv6Option = 'auto' | 'on' | 'off';

export interface Options {
  /** Ranges of the node's (or cluster's) pods, both families. Empty only for a clean-up. */
  readonly podRanges: readonly AddressRange[];
  /** Ranges of Services, only to refuse a synthetic range that overlaps them. */
  readonly serviceRanges: readonly AddressRange[];
  readonly syntheticRange4: AddressRange;
  readonly syntheticRange6: AddressRange;
  readonly leatAddress4: string;
  readonly leatAddress6: string;
  readonly capturePort: number;
  readonly dnsPort: number;
  /** conntrack zone, original direction, of captured DNS packets. */
  readonly dnsZone: number;
  readonly target: CaptureTarget;
  readonly backend: BackendOption;
  readonly nat: NatOption;
  /** One bit of the packet mark, used between two hooks only where the nat rules are an nft table. */
  readonly mark: number;
  readonly ipv6: Ipv6Option;
  /** Folder for the record of this boot (which backend, what was added). On a file system that a reboot empties. */
  readonly stateDir: string;
  readonly dryRun: boolean;
  readonly cleanup: boolean;
}

/** Defaults by flag; the environment variable of `--pod-ranges` is `LEAT_POD_RANGES`, and the flag wins. */
const DEFAULTS = {
  'pod-ranges': '',
  'service-ranges': '',
  'synthetic-range4': SYNTHETIC_RANGE_4,
  'synthetic-range6': SYNTHETIC_RANGE_6,
  'leat-address4': LEAT_ADDRESS_4,
  'leat-address6': LEAT_ADDRESS_6,
  'capture-port': String(CAPTURE_PORT),
  'dns-port': String(DNS_PORT),
  'dns-zone': String(DNS_CONNTRACK_ZONE),
  target: 'auto',
  backend: 'auto',
  nat: 'auto',
  mark: '0x1000',
  ipv6: 'auto',
  'state-dir': INIT_STATE_DIR,
} as const;

type ValueFlag = keyof typeof DEFAULTS;
const SWITCHES = ['dry-run', 'cleanup', 'help'] as const;

export const USAGE = `Usage: node init/main.ts --pod-ranges=CIDR[,CIDR...] [options]

Programs the redirection of this network namespace, then exits: 0 done, 1 the node failed, 2 a value was refused.
Every option can be given as an environment variable: --pod-ranges is LEAT_POD_RANGES. The flag wins.

  --pod-ranges=LIST        ranges of this node's pods, IPv4 and IPv6; DNS of these sources is captured (required)
  --service-ranges=LIST    ranges of Services; only to refuse a synthetic range that overlaps them
  --synthetic-range4=CIDR  addresses that stand for host names (${SYNTHETIC_RANGE_4})
  --synthetic-range6=CIDR  the same for IPv6 (${SYNTHETIC_RANGE_6})
  --leat-address4=ADDRESS  Leat's own address on lo, target of DNAT (${LEAT_ADDRESS_4})
  --leat-address6=ADDRESS  the same for IPv6 (${LEAT_ADDRESS_6})
  --capture-port=PORT      where captured connections arrive (${CAPTURE_PORT})
  --dns-port=PORT          where captured DNS queries arrive (${DNS_PORT})
  --dns-zone=NUMBER        conntrack zone of captured DNS; change it where another program uses it (${DNS_CONNTRACK_ZONE})
  --target=auto|redirect|dnat     auto: REDIRECT where an interface has an address of the pod ranges, DNAT elsewhere
  --backend=auto|nft|legacy       auto: where kube-proxy's rules live, decided once per boot
  --nat=auto|iptables|nft-table   auto: an own nft table where kube-proxy has one, iptables elsewhere
  --mark=BIT               packet mark bit used with --nat=nft-table; must be nobody else's (${DEFAULTS.mark})
  --ipv6=auto|on|off       auto: on where the kernel has IPv6 and its nat table
  --state-dir=FOLDER       where this boot's choice of backend is kept (${DEFAULTS['state-dir']})
  --dry-run                print what would be set up, change nothing
  --cleanup                remove what this program set up, and nothing else
`;

/**
 * Options from the command line and the environment, flags first.
 * @returns null where help was asked for.
 * @throws InitError (refused) with every problem: unknown flag, bad value, contradiction.
 */
export function parseOptions(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Options | null {
  const problems: string[] = [];
  const { values, switches } = readFlags(args, env, problems);
  if (switches.has('help')) return null;

  const value = (flag: ValueFlag): string => values.get(flag) ?? DEFAULTS[flag];
  const options: Options = {
    podRanges: readRanges('pod-ranges', value('pod-ranges'), problems),
    serviceRanges: readRanges('service-ranges', value('service-ranges'), problems),
    syntheticRange4: readRange('synthetic-range4', value('synthetic-range4'), 4, problems),
    syntheticRange6: readRange('synthetic-range6', value('synthetic-range6'), 6, problems),
    leatAddress4: readAddress('leat-address4', value('leat-address4'), 4, problems),
    leatAddress6: readAddress('leat-address6', value('leat-address6'), 6, problems),
    capturePort: readNumber('capture-port', value('capture-port'), 1, 65_535, problems),
    dnsPort: readNumber('dns-port', value('dns-port'), 1, 65_535, problems),
    // Zone 0 is the default zone: with it the fallback to the cluster's DNS would not work.
    dnsZone: readNumber('dns-zone', value('dns-zone'), 1, 65_535, problems),
    target: readChoice('target', value('target'), ['auto', 'redirect', 'dnat'], problems),
    backend: readChoice('backend', value('backend'), ['auto', 'nft', 'legacy'], problems),
    nat: readChoice('nat', value('nat'), ['auto', 'iptables', 'nft-table'], problems),
    mark: readMarkBit('mark', value('mark'), problems),
    ipv6: readChoice('ipv6', value('ipv6'), ['auto', 'on', 'off'], problems),
    stateDir: readFolder('state-dir', value('state-dir'), problems),
    dryRun: switches.has('dry-run'),
    cleanup: switches.has('cleanup'),
  };
  if (!options.cleanup && value('pod-ranges').trim() === '') {
    problems.push('--pod-ranges is missing: without the ranges of the pods no DNS can be captured; name them');
  }
  if (options.capturePort === options.dnsPort) {
    problems.push(`--capture-port and --dns-port are both ${options.dnsPort}: DNS over TCP needs a port of its own`);
  }
  if (problems.length > 0) throw new InitError(EXIT_CODES.refused, problems);
  return options;
}

/** Collects raw values without judging them; parseArgs alone would stop at the first unknown flag. */
function readFlags(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  problems: string[],
): { values: Map<ValueFlag, string>; switches: Set<string> } {
  const values = new Map<ValueFlag, string>();
  const switches = new Set<string>();
  const flags = Object.keys(DEFAULTS) as ValueFlag[];
  for (const flag of flags) {
    const text = env[variableOf(flag)];
    // A chart renders an unset value as an empty string.
    if (text !== undefined && text !== '') values.set(flag, text);
  }
  for (const flag of SWITCHES) {
    const text = env[variableOf(flag)];
    if (text === undefined || text === '' || text === 'false') continue;
    if (text === 'true') switches.add(flag);
    else problems.push(`${variableOf(flag)}: "${text}" is neither true nor false`);
  }
  const spec = Object.fromEntries([
    ...flags.map((flag) => [flag, { type: 'string' as const }]),
    ...SWITCHES.map((flag) => [flag, { type: 'boolean' as const }]),
  ]);
  const { tokens } = parseArgs({ args: [...args], options: spec, strict: false, allowPositionals: true, tokens: true });
  for (const token of tokens) {
    if (token.kind === 'positional') problems.push(`"${token.value}" is no option: values follow as --flag=value`);
    if (token.kind !== 'option') continue;
    if ((SWITCHES as readonly string[]).includes(token.name)) {
      if (token.value === undefined) switches.add(token.name);
      else problems.push(`--${token.name} takes no value, got "${token.value}"`);
    } else if (!flags.includes(token.name as ValueFlag)) {
      problems.push(`${token.rawName} is unknown: see --help for the options there are`);
    } else if (token.value === undefined) {
      problems.push(`--${token.name} needs a value: write --${token.name}=value`);
    } else {
      values.set(token.name as ValueFlag, token.value);
    }
  }
  return { values, switches };
}

function variableOf(flag: string): string {
  return `LEAT_${flag.toUpperCase().replaceAll('-', '_')}`;
}
