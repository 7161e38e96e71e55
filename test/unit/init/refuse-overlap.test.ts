// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { parseOptions } from '../../../init/options.ts';
import { findOverlaps } from '../../../init/refuse-overlap.ts';

const local = { interface: 'lo', isLocal: true };
const remote = { interface: 'eth0', isLocal: false };

function overlaps(routes: Parameters<typeof findOverlaps>[1]['routes'], args: string[] = [], isIpv6On = true) {
  const options = parseOptions(['--pod-ranges=10.1.0.0/16', ...args], {});
  if (options === null) throw new Error('help');
  return findOverlaps(options, { addresses: [], routes }, isIpv6On);
}

test('our own route, default routes and the halves that VPNs use for them are no overlap', (t) => {
  t.deepEqual(
    overlaps([
      { ...local, destination: '240.240.0.0/16' },
      { ...local, destination: 'fd6c:6561:7401::/112' },
      { ...remote, destination: '0.0.0.0/0' },
      { ...remote, destination: '128.0.0.0/1' },
      { ...remote, destination: '::/0' },
      { ...remote, destination: '240.241.0.0/16' },
    ]),
    [],
  );
});

test('a route to somewhere else is an overlap, be it wider, narrower or the same', (t) => {
  for (const destination of ['240.0.0.0/4', '240.240.0.0/16', '240.240.9.9/32']) {
    t.regex(overlaps([{ ...remote, destination }])[0] ?? '', /overlaps the route .* dev eth0: choose/, destination);
  }
  t.is(overlaps([{ ...local, destination: '240.240.9.9/32' }]).length, 1, 'an address of the node');
});

test('IPv6 does not matter where it is off', (t) => {
  const routes = [{ ...remote, destination: 'fd6c::/16' }];
  t.is(overlaps(routes).length, 1);
  t.is(overlaps(routes, [], false).length, 0);
});

test("Leat's own addresses may lie in no range of others, nor in the synthetic one", (t) => {
  t.regex(overlaps([], ['--leat-address4=10.1.0.1'])[0] ?? '', /10\.1\.0\.1 lies in 10\.1\.0\.0\/16/);
  t.regex(overlaps([], ['--leat-address4=240.240.0.1'])[0] ?? '', /overlaps Leat's own address 240\.240\.0\.1/);
});
