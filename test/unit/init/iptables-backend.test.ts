// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { parseIptablesSave } from '../../../init/existing-rules.ts';
import { chooseBackend } from '../../../init/iptables-backend.ts';

const save = (table: string, ...chains: string[]) =>
  parseIptablesSave(`*${table}\n${chains.map((chain) => `:${chain} - [0:0]\n`).join('')}COMMIT\n`);
const NONE = parseIptablesSave('');

test('nft where kube-proxy has left no sign anywhere', (t) => {
  t.deepEqual(chooseBackend({ nft: [NONE, save('nat', 'DOCKER')], legacy: [NONE] }), {
    backend: 'nft',
    evidence: 'none',
  });
});

test('the nat table decides, over leftovers in others', (t) => {
  const choice = chooseBackend({
    nft: [save('filter', 'KUBE-FIREWALL', 'KUBE-FORWARD', 'KUBE-SERVICES')],
    legacy: [save('nat', 'KUBE-SERVICES')],
  });
  t.deepEqual(choice, { backend: 'legacy', evidence: 'kube-proxy' });
});

test('the hint of the kubelet is enough where there is no kube-proxy yet', (t) => {
  t.is(chooseBackend({ nft: [NONE], legacy: [save('mangle', 'KUBE-IPTABLES-HINT')] }).backend, 'legacy');
  t.is(chooseBackend({ nft: [save('mangle', 'KUBE-KUBELET-CANARY')], legacy: [NONE] }).backend, 'nft');
});

test('an IPv6-only cluster counts as well, and the fuller backend wins', (t) => {
  t.is(chooseBackend({ nft: [NONE, NONE], legacy: [NONE, save('nat', 'KUBE-SERVICES')] }).backend, 'legacy');
  const two = save('nat', 'KUBE-SERVICES', 'KUBE-NODEPORTS');
  t.is(chooseBackend({ nft: [save('nat', 'KUBE-SERVICES')], legacy: [two] }).backend, 'legacy');
  t.is(chooseBackend({ nft: [two], legacy: [two] }).backend, 'nft');
});
