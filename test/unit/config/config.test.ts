// SPDX-License-Identifier: Apache-2.0
import { availableParallelism } from 'node:os';
import test from 'ava';
import { ConfigError, helpText, loadConfig, OPTIONS } from '../../../daemon/config/config.ts';

const required = ['--source=files:/etc/leat', '--node-name=node-1'];

function problemsOf(argv: string[], environment: NodeJS.ProcessEnv = {}): readonly string[] {
  try {
    loadConfig(argv, environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

test('what is required is enough, and the defaults are those of the redirect contract', (t) => {
  t.like(loadConfig(required, {}), {
    source: { type: 'files', directory: '/etc/leat' },
    nodeName: 'node-1',
    capturePort: 15001,
    leatAddresses: { v4: '169.254.74.1', v6: 'fd6c:6561:7400::1' },
    syntheticRanges: { v4: '240.240.0.0/16' },
    podRanges: [],
    selfTest: true,
  });
});

test('a pod needs no more than the source and its node to find the API server', (t) => {
  const argv = ['--source=kubernetes', '--node-name=node-1'];
  const folder = '/var/run/secrets/kubernetes.io/serviceaccount';
  const files = {
    tokenFile: `${folder}/token`,
    caFile: `${folder}/ca.crt`,
    secretsBinding: 'auto',
    cniResultsDirectory: null,
  };
  const environment = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };
  t.deepEqual(loadConfig(argv, environment).source, { type: 'kubernetes', server: 'https://[fd00::1]', ...files });
  const given = loadConfig([...argv, '--kube-api-server=https://10.96.0.1:6443'], environment).source;
  t.like(given, { server: 'https://10.96.0.1:6443' });
  t.regex(problemsOf(argv).join(), /kube-api-server: is required outside a pod/);
  for (const server of ['http://10.96.0.1', 'https://a/b', 'https://u:p@a', '10.96.0.1:6443']) {
    t.regex(problemsOf([...argv, `--kube-api-server=${server}`]).join(), /must be https/, server);
  }
});

test('one worker unless more are asked for; auto is one for each core', (t) => {
  t.is(loadConfig(required, {}).workers, 1);
  t.is(loadConfig([...required, '--workers=3'], {}).workers, 3);
  t.is(loadConfig([...required, '--workers=auto'], {}).workers, availableParallelism());
  for (const value of ['0', '65', 'all', '1.5']) {
    t.regex(
      problemsOf([...required, `--workers=${value}`]).join(),
      /workers=\S+: must be auto or a whole number from 1 to 64/,
    );
  }
  t.regex(problemsOf([...required, '--relay=kernel']).join(), /relay=kernel: must be one of native, streams/);
});

test('a flag wins over the environment, and that over the default', (t) => {
  const environment = { LEAT_CAPTURE_PORT: '16001', LEAT_DRAIN_MS: '5' };
  t.like(loadConfig([...required, '--capture-port=17001'], environment), { capturePort: 17001, drainMs: 5 });
});

test('all problems are reported at once, each with option, value and cure', (t) => {
  const problems = problemsOf([
    '--capture-port=0',
    '--synthetic-range4=fd00::/64',
    '--ipv6=maybe',
    '--drian-ms=1',
    'x',
  ]);
  t.deepEqual(
    problems.map((problem) => problem.split(':')[0]),
    ['--drian-ms', 'x', '--ipv6=maybe', '--source', '--node-name', '--capture-port=0', '--synthetic-range4=fd00'],
  );
});

const refused: Record<string, string> = {
  'source=etc/leat': 'must be kubernetes, or files:',
  'admin-port=65536': 'must be a whole number from 1 to 65535',
  'leat-address4=::1': 'must be an IPv4 address',
  'leat-address6=10.0.0.1': 'must be an IPv6 address',
  'pod-ranges=10.0.0.0/8,10.0.0.0/33': 'must be ranges',
  'dns-servers=dns.corp': 'must be IP addresses',
  'node-labels=zone': 'must be key=value pairs',
  'drain-ms=-1': 'must be a whole number',
  'log-level=loud': 'must be one of',
  'node-name=': 'a value is required',
};
for (const [option, cure] of Object.entries(refused)) {
  test(`refuses --${option}`, (t) => {
    const problems = problemsOf([...required, `--${option}`]);
    t.is(problems.length, 1);
    t.true(problems[0]?.includes(cure), problems[0]);
  });
}

test('without IPv6 there is no address and no range of it', (t) => {
  const { leatAddresses, syntheticRanges } = loadConfig([...required, '--ipv6=off'], {});
  t.is(leatAddresses.v6, null);
  t.is(syntheticRanges.v6, null);
});

test('the help text has a line for every option', (t) => {
  for (const name of Object.keys(OPTIONS)) t.true(helpText().includes(`  --${name} `), name);
});
