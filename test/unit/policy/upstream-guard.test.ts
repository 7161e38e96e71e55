// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import type { AddressRule } from '../../../daemon/policy/node-policy.ts';
import { createUpstreamGuard } from '../../../daemon/policy/upstream-guard.ts';

const facts = {
  nodeAddresses: ['192.0.2.10', '2001:db8::10'],
  podRanges: ['10.244.0.0/16', 'fd00:10:244::/56'],
  serviceRanges: ['10.96.0.0/12', 'fd00:10:96::/112'],
  syntheticRanges: ['240.240.0.0/16', 'fd6c:6561:7401::/112'],
  leatAddresses: ['169.254.74.1', 'fd6c:6561:7400::1'],
  nodeRanges: ['192.0.3.0/24', '2001:db8:1::/64'],
};

const rule = (cidr: string, ...ports: number[]): AddressRule => ({
  cidr,
  ports: ports.length === 0 ? null : ports.map((port) => ({ port })),
});

const guard = ({ allow = [], deny = [] }: { allow?: AddressRule[]; deny?: AddressRule[] } = {}) =>
  createUpstreamGuard({ policy: { upstreamAllow: allow, upstreamDeny: deny }, facts });

const REFUSED: Record<string, readonly string[]> = {
  loopback: ['127.0.0.1', '127.255.255.254', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1'],
  unspecified: ['0.0.0.0', '0.1.2.3', '::'],
  metadata: ['169.254.169.254', 'fd00:ec2::254', '::ffff:169.254.169.254', '169.254.170.2'],
  'link-local': ['169.254.1.1', 'fe80::1', 'fe80::1%eth0', 'febf::1'],
  multicast: ['224.0.0.1', '239.255.255.255', 'ff02::1'],
  broadcast: ['255.255.255.255'],
  synthetic: ['240.240.0.7', 'fd6c:6561:7401::7'],
  "Leat's own": ['169.254.74.1', 'fd6c:6561:7400::1'],
  'the node itself': ['192.0.2.10', '2001:db8::10', '2001:db8:0:0::10'],
  'ranges of nodes': ['192.0.3.7', '2001:db8:1::7', '::ffff:192.0.3.7'],
  'pod ranges': ['10.244.3.4', 'fd00:10:244::5'],
  'Service ranges': ['10.96.0.1', 'fd00:10:96::1'],
  'IPv4-compatible': ['::127.0.0.1', '::a60:1'],
  'IPv4-translated': ['::ffff:0:127.0.0.1'],
  NAT64: ['64:ff9b::127.0.0.1', '64:ff9b::a9fe:a9fe', '64:ff9b:1::10.96.0.1', '64:ff9b:1:7f00:0:100::'],
  '6to4': ['2002:7f00:1::', '2002:a9fe:a9fe::1', '2002:af4:304::'],
  Teredo: ['2001:0:7f00:1::', '2001:0:808:808::80ff:fffe'],
  ISATAP: ['2001:db8::5efe:127.0.0.1', '2001:db8::200:5efe:10.244.1.1'],
  'no address at all': ['', 'localhost', '127.1', '0x7f000001', '2130706433'],
};

for (const [what, addresses] of Object.entries(REFUSED)) {
  for (const address of addresses) {
    test(`refuses "${address}" (${what})`, (t) => {
      t.is(guard()(address, 443)?.code, 'UPSTREAM_ADDRESS_REFUSED');
    });
  }
}

test('lets pass what is far from the node', (t) => {
  for (const address of ['93.184.216.34', '10.1.2.3', '192.168.1.1', '2606:4700::1111', '64:ff9b::808:808']) {
    t.is(guard()(address, 443), null, address);
  }
});

test('opens what upstreams.allow holds, on its ports alone', (t) => {
  const opened = guard({ allow: [rule('10.96.7.7/32', 80), rule('127.0.0.0/8'), rule('::1/128')] });
  t.is(opened('10.96.7.7', 80), null);
  t.is(opened('10.96.7.7', 81)?.code, 'UPSTREAM_ADDRESS_REFUSED');
  t.is(opened('127.0.0.1', 1), null);
  t.is(opened('::1', 1), null);
  t.is(opened('10.96.7.8', 80)?.code, 'UPSTREAM_ADDRESS_REFUSED');
});

test('opens by a range of the same family only: all of IPv6 is no IPv4', (t) => {
  const opened = guard({ allow: [rule('::/0')] });
  t.is(opened('2001:db8::10', 443), null);
  t.is(opened('127.0.0.1', 443)?.code, 'UPSTREAM_ADDRESS_REFUSED');
  t.is(opened('64:ff9b::7f00:1', 443)?.code, 'UPSTREAM_ADDRESS_REFUSED');
});

test('denies what upstreams.deny holds, whatever is allowed', (t) => {
  const denied = guard({ allow: [rule('10.0.0.0/8')], deny: [rule('10.9.0.0/16'), rule('8.8.8.8/32', 53)] });
  t.is(denied('10.9.1.1', 443)?.code, 'UPSTREAM_ADDRESS_REFUSED');
  t.is(denied('64:ff9b::a09:101', 443)?.code, 'UPSTREAM_ADDRESS_REFUSED');
  t.is(denied('8.8.8.8', 53)?.code, 'UPSTREAM_ADDRESS_REFUSED');
  t.is(denied('8.8.8.8', 443), null);
});

test('never opens the synthetic range nor the own listeners: that way is a loop', (t) => {
  const opened = guard({ allow: [rule('0.0.0.0/0'), rule('::/0')] });
  for (const address of ['240.240.0.7', 'fd6c:6561:7401::7', '169.254.74.1', '::ffff:240.240.0.7']) {
    t.is(opened(address, 443)?.code, 'UPSTREAM_ADDRESS_REFUSED', address);
  }
});

test('judges an IPv4 address alike in every IPv6 form that leads to it', (t) => {
  const octets = fc.oneof(
    fc.tuple(
      fc.constantFrom(10, 127, 169, 240, 0, 224, 8),
      fc.constantFrom(0, 96, 244, 254, 240),
      fc.nat(255),
      fc.nat(255),
    ),
    fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)),
  );
  const check = guard({ deny: [rule('8.0.0.0/8')] });
  fc.assert(
    fc.property(octets, (bytes) => {
      const plain = check(bytes.join('.'), 443) !== null;
      const [a, b, c, d] = bytes;
      const hex = ipaddr.IPv6.parse(`::ffff:${bytes.join('.')}`).parts.slice(6);
      const [high = 0, low = 0] = hex;
      const tail = `${high.toString(16)}:${low.toString(16)}`;
      for (const form of [`::ffff:${tail}`, `::ffff:${a}.${b}.${c}.${d}`, `64:ff9b::${tail}`, `2002:${tail}::1`]) {
        t.is(check(form, 443) !== null, plain, form);
      }
    }),
  );
});

test('lets no address of a refused range pass', (t) => {
  const check = guard();
  fc.assert(
    fc.property(
      fc.constantFrom('127', '10.244', '10.96', '169.254', '240.240', '0', '224'),
      fc.nat(0xffffff),
      (head, rest) => {
        const octets = [...head.split('.').map(Number), (rest >> 16) & 255, (rest >> 8) & 255, rest & 255].slice(0, 4);
        t.not(check(octets.join('.'), 443), null);
      },
    ),
  );
});
