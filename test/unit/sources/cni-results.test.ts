// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import fc from 'fast-check';
import type { IpAddress } from '../../../daemon/net/endpoint.ts';
import { AddressFilling } from '../../../daemon/sources/kubernetes/fill-addresses.ts';
import { parseCniResult } from '../../../daemon/sources/kubernetes/parse-cni-result.ts';
import { cniResult } from '../../support/cni-results.ts';
import { pod } from '../../support/resources.ts';

test('reads the pod and its addresses of both families', (t) => {
  const text = cniResult('uid-a', ['10.244.0.5/24', 'fd00:10:244::5/64']);
  t.deepEqual(parseCniResult(text), { podUid: 'uid-a', addresses: ['10.244.0.5', 'fd00:10:244::5'] });
});

test('takes nothing from what is no whole result of a pod’s own interface', (t) => {
  const whole = cniResult('uid-a', ['10.244.0.5/24']);
  const altered = (change: object): string => JSON.stringify({ ...JSON.parse(whole), ...change });
  const refused: Record<string, string> = {
    nothing: '',
    half: whole.slice(0, -10),
    'another kind': altered({ kind: 'cniCacheV2' }),
    'the loopback': altered({ ifName: 'lo' }),
    'a second network of Multus': altered({ ifName: 'net1' }),
    'no uid (containerd before 1.6)': altered({ cniArgs: [['K8S_POD_NAME', 'a']] }),
    'no arguments': altered({ cniArgs: null }),
    'arguments that are none': altered({ cniArgs: ['K8S_POD_UID'] }),
    'a number for a uid': altered({ cniArgs: [['K8S_POD_UID', 7]] }),
    'a result of version 0.2.0': altered({ result: { ip4: { ip: '10.244.0.5/24' } } }),
    'no address': altered({ result: { ips: [{ gateway: '10.244.0.1' }, null, { address: 'dhcp' }] } }),
  };
  for (const [what, text] of Object.entries(refused)) t.is(parseCniResult(text), null, what);
});

test('no text makes it throw', (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      parseCniResult(text);
    }),
  );
  t.pass();
});

/** What a runtime says: address → uid. */
function runtime(said: Record<string, string>) {
  const addresses = new Map<string, readonly IpAddress[]>();
  for (const [address, uid] of Object.entries(said)) {
    addresses.set(uid, [...(addresses.get(uid) ?? []), address as IpAddress]);
  }
  return {
    addressesOf: (uid: string) => addresses.get(uid) ?? null,
    ownerOf: (address: IpAddress) => said[address] ?? null,
  };
}

const addressesOf = (filling: AddressFilling, ...pods: ReturnType<typeof pod>[]) =>
  filling.fill(pods).map(({ status }) => status?.podIPs?.map(({ ip }) => ip));

test('a pod that the API server has no address of gets the runtime’s, and no other pod does', (t) => {
  const filling = new AddressFilling(runtime({ '10.1.0.5': 'uid-shop/new', '10.1.0.9': 'uid-shop/agent' }));
  const pods = [pod('shop/new', []), pod('shop/next', []), pod('shop/agent', [], { hostNetwork: true })];
  t.deepEqual(addressesOf(filling, ...pods), [['10.1.0.5'], [], []]);
});

test('the API server has the last word of a pod that lives', (t) => {
  const filling = new AddressFilling(runtime({ '10.1.0.5': 'uid-shop/web', '10.1.0.6': 'uid-shop/other' }));
  t.deepEqual(addressesOf(filling, pod('shop/web', ['10.1.0.6'])), [['10.1.0.6']]);
  t.deepEqual(addressesOf(filling, pod('shop/unknown', ['10.1.0.7'])), [['10.1.0.7']]);
});

test('a pod whose network is gone has no address once another pod has it, whatever the API server still says', (t) => {
  const filling = new AddressFilling(runtime({ '10.1.0.5': 'uid-crm/new' }));
  t.deepEqual(addressesOf(filling, pod('shop/gone', ['10.1.0.5']), pod('crm/new', [])), [[], ['10.1.0.5']]);
});

test('what did not change is the same list of the same pods', (t) => {
  const said: Record<string, string> = { '10.1.0.5': 'uid-shop/new' };
  const current = runtime(said);
  const filling = new AddressFilling(current);
  const pods = [pod('shop/new', []), pod('shop/web', ['10.1.0.6'])];
  const first = filling.fill(pods);
  t.is(filling.fill(pods), first);
  t.is(first[1], pods[1]);
  const untouched = [pod('shop/web', ['10.1.0.6'])];
  t.is(filling.fill(untouched), untouched);
});
