// SPDX-License-Identifier: Apache-2.0
import type { BootRecord } from './boot-record.ts';
import { EXIT_CODES, InitError } from './init-error.ts';
import { type Backend, type BackendChoice, chooseBackend, readBothFamilies } from './iptables-backend.ts';
import { hasKubeProxyNftTable, whyNoIpv6 } from './node-facts.ts';
import type { Options } from './options.ts';
import type { Run } from './run-command.ts';

/** How this node is programmed, with a sentence for each choice that was made for the administrator. */
interface Decisions {
  readonly choice: BackendChoice;
  readonly nat: 'iptables' | 'nft-table';
  readonly isIpv6On: boolean;
  readonly reasons: readonly string[];
}

/**
 * Settles every `auto`, from the options, the record of this boot and the node itself. Reads only.
 * @throws InitError (failed) where `--ipv6=on` can't be had.
 */
export function decideFacts(run: Run, options: Options, record: BootRecord | null): Decisions {
  const [choice, backendReason] = decideBackend(run, options, record);
  const [nat, natReason] = decideNat(run, options);
  const [isIpv6On, ipv6Reason] = decideIpv6(run, options, choice.backend);
  return { choice, nat, isIpv6On, reasons: [backendReason, natReason, ipv6Reason] };
}

function decideBackend(run: Run, options: Options, record: BootRecord | null): [BackendChoice, string] {
  if (options.backend !== 'auto') {
    return [{ backend: options.backend, evidence: 'option' }, `backend ${options.backend}: --backend says so`];
  }
  // Only what kube-proxy's rules said is kept. Where there were none yet it may only have been late.
  if (record?.evidence === 'kube-proxy') {
    return [
      { backend: record.backend, evidence: 'kube-proxy' },
      `backend ${record.backend}: found earlier in this boot`,
    ];
  }
  const choice = chooseBackend({ nft: readBothFamilies(run, 'nft'), legacy: readBothFamilies(run, 'legacy') });
  const why = choice.evidence === 'kube-proxy' ? 'the KUBE chains are there' : 'no KUBE chains anywhere';
  return [choice, `backend ${choice.backend}: ${why}`];
}

function decideNat(run: Run, options: Options): [Decisions['nat'], string] {
  if (options.nat !== 'auto') return [options.nat, `nat by ${options.nat}: --nat says so`];
  return hasKubeProxyNftTable(run)
    ? ['nft-table', 'nat by nft-table: kube-proxy has an nft table of its own']
    : ['iptables', 'nat by iptables: kube-proxy has no nft table of its own'];
}

function decideIpv6(run: Run, options: Options, backend: Backend): [boolean, string] {
  if (options.ipv6 === 'off') return [false, 'IPv6 off: --ipv6 says so'];
  const why = whyNoIpv6(run, backend, options.dryRun);
  if (why === null) return [true, 'IPv6 on'];
  if (options.ipv6 === 'auto') return [false, `IPv6 off: ${why}`];
  throw new InitError(EXIT_CODES.failed, [`--ipv6=on: ${why}: use --ipv6=off, or let the node have IPv6`]);
}
