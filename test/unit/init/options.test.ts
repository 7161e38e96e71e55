// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import fc from 'fast-check';
import { InitError } from '../../../init/init-error.ts';
import { type Options, parseOptions } from '../../../init/options.ts';

const PODS = '--pod-ranges=10.244.3.9/16,fd00:10::/56';

function parse(args: readonly string[], env: Record<string, string> = {}): Options {
  const options = parseOptions(args, env);
  if (options === null) throw new Error('help');
  return options;
}

function problemsOf(args: readonly string[], env: Record<string, string> = {}): readonly string[] {
  try {
    parseOptions(args, env);
  } catch (error) {
    if (error instanceof InitError && error.exitCode === 2) return error.problems;
    throw error;
  }
  return [];
}

test('defaults are those of the redirect contract', (t) => {
  const { podRanges, ...rest } = parse([PODS]);
  t.deepEqual(
    podRanges.map(({ text }) => text),
    ['10.244.0.0/16', 'fd00:10::/56'],
  );
  t.deepEqual(rest, {
    serviceRanges: [],
    syntheticRange4: { family: 4, text: '240.240.0.0/16', prefixLength: 16 },
    syntheticRange6: { family: 6, text: 'fd6c:6561:7401::/112', prefixLength: 112 },
    leatAddress4: '169.254.74.1',
    leatAddress6: 'fd6c:6561:7400::1',
    capturePort: 15001,
    dnsPort: 15053,
    dnsZone: 7401,
    target: 'auto',
    backend: 'auto',
    nat: 'auto',
    mark: 0x1000,
    ipv6: 'auto',
    stateDir: '/run/leat',
    dryRun: false,
    cleanup: false,
  });
});

test('a flag wins over its environment variable, and an empty variable is none', (t) => {
  const env = { LEAT_POD_RANGES: '10.1.0.0/16', LEAT_TARGET: 'dnat', LEAT_CAPTURE_PORT: '', LEAT_DRY_RUN: 'true' };
  const options = parse(['--target=redirect'], env);
  t.is(options.target, 'redirect');
  t.is(options.capturePort, 15001);
  t.is(options.podRanges[0]?.text, '10.1.0.0/16');
  t.true(options.dryRun);
});

test('tells every problem at once, with flag, value and cure', (t) => {
  const args = [
    '--mark=0x3000',
    '--capture-port=0',
    '--target=tproxy',
    '--colour',
    'stray',
    '--leat-address4=127.0.0.9',
  ];
  const env = { LEAT_SYNTHETIC_RANGE6: '10.0.0.0/8', LEAT_CLEANUP: 'yes' };
  t.deepEqual(problemsOf(args, env), [
    'LEAT_CLEANUP: "yes" is neither true nor false',
    '--colour is unknown: see --help for the options there are',
    '"stray" is no option: values follow as --flag=value',
    '--synthetic-range6: "10.0.0.0/8" is no IPv6 range between /8 and /124, such as fd6c:6561:7401::/112',
    '--leat-address4: 127.0.0.9 is loopback, where packets of pods are dropped: use a link-local address',
    '--capture-port: "0" is no whole number from 1 to 65535',
    '--target: "tproxy" is none of auto, redirect, dnat',
    '--mark: "0x3000" is not one bit of 32, such as 0x1000',
    '--pod-ranges is missing: without the ranges of the pods no DNS can be captured; name them',
  ]);
});

const REFUSED: readonly [string, RegExp][] = [
  ['--pod-ranges=10.244.0.0/33', /--pod-ranges: "10\.244\.0\.0\/33" is no range/],
  ['--pod-ranges=10.0.0.0/8,', /--pod-ranges: "" is no range/],
  ['--pod-ranges=0.0.0.0/0', /--pod-ranges: "0\.0\.0\.0\/0" is everything/],
  ['--pod-ranges=010.1.0.0/16', /is no range/],
  ['--pod-ranges', /--pod-ranges needs a value/],
  ['--leat-address6=fe80::1', /fe80::1 is link-local/],
  ['--leat-address6=10.0.0.1', /is no IPv6 address/],
  ['--leat-address6=fd00::1%eth0', /is no IPv6 address/],
  ['--synthetic-range4=240.0.0.0/4', /is no IPv4 range between \/8 and \/28/],
  ['--dns-zone=0', /no whole number from 1/],
  ['--dns-zone=65536', /no whole number from 1/],
  ['--dns-port=15001', /--capture-port and --dns-port are both 15001/],
  ['--mark=0', /is not one bit/],
  ['--state-dir=run', /--state-dir: "run" is no absolute path/],
  ['--dry-run=yes', /--dry-run takes no value, got "yes"/],
];
for (const [arg, expected] of REFUSED) {
  test(`refuses ${arg}`, (t) => {
    const problems = problemsOf(arg.startsWith('--pod-ranges') ? [arg] : [PODS, arg]);
    t.true(
      problems.some((problem) => expected.test(problem)),
      problems.join('\n'),
    );
  });
}

test('a clean-up needs no ranges, and help needs nothing', (t) => {
  t.true(parse(['--cleanup']).cleanup);
  t.is(parseOptions(['--help'], {}), null);
});

test('whatever is given, it is options or an InitError that names the flag', (t) => {
  const flag = fc.constantFrom('pod-ranges', 'synthetic-range4', 'leat-address6', 'mark', 'dns-zone', 'ipv6');
  fc.assert(
    fc.property(flag, fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.nat().map(String)), (name, text) => {
      const problems = problemsOf([PODS, `--${name}=${text}`]);
      t.true(problems.every((problem) => problem.includes(`--${name}`)));
    }),
  );
  t.pass();
});
