// SPDX-License-Identifier: Apache-2.0
/** The chart drops all capabilities but these: with them init and daemon work, and without each of them they don't. */
import test from 'ava';
import { createLab, type Lab } from '../support/lab.ts';
import type { Namespace } from '../support/namespace.ts';
import { until } from '../support/until.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const INIT = ['net_admin', 'net_raw'] as const;
const DAEMON = [...INIT, 'sys_admin'] as const;

let lab: Lab;
test.before(async () => {
  lab = await createLab('capabilities');
});
test.after.always(() => lab.dispose());

/** As a container runtime starts a program of root: no more than these, and no way to more. */
function confined(capabilities: readonly string[], program: string, ...options: string[]): string[] {
  const bounds = ['-all', ...capabilities.map((name) => `+${name}`)].join(',');
  return [
    ...['setpriv', `--bounding-set=${bounds}`, `--inh-caps=-all`, '--no-new-privs', '--'],
    ...[process.execPath, `${ROOT}${program}`, ...options],
  ];
}

async function makeNode(role: string): Promise<{ node: Namespace; initState: string }> {
  const node = await lab.namespace(role, { forward: true });
  await lab.bridge(node, 'cni0', ['10.1.0.1/24', 'fd00:1::1/64']);
  return { node, initState: await node.tempDir() };
}

const initOptions = (initState: string, backend: string): string[] => [
  '--pod-ranges=10.1.0.0/16,fd00:1::/48',
  `--state-dir=${initState}`,
  `--backend=${backend}`,
];

for (const backend of ['nft', 'legacy']) {
  test(`init programs and cleans a node with ${backend} rules, and each of its capabilities is needed`, async (t) => {
    const { node, initState } = await makeNode(`i-${backend}`);
    for (const missing of INIT) {
      const rest = INIT.filter((name) => name !== missing);
      const { code } = await node.run(confined(rest, 'init/main.ts', ...initOptions(initState, backend)), {
        allowFailure: true,
      });
      t.not(code, 0, `without ${missing}`);
    }
    await node.run(confined(INIT, 'init/main.ts', ...initOptions(initState, backend)));
    t.regex((await node.run([`iptables-${backend}-save`])).stdout, /LEAT-PREROUTING/);
    await node.run(confined(INIT, 'init/main.ts', ...initOptions(initState, backend), '--cleanup'));
    t.notRegex((await node.run([`iptables-${backend}-save`])).stdout, /LEAT-/);
  });
}

test('the daemon gets ready, and each of its capabilities is needed', async (t) => {
  const { node, initState } = await makeNode('daemon');
  await node.run(confined(INIT, 'init/main.ts', ...initOptions(initState, 'nft')));
  const readiness = async (): Promise<string> =>
    (await node.run(['curl', '-s', '-m', '2', 'http://127.0.0.1:15020/readyz'], { allowFailure: true })).stdout;
  const start = async (capabilities: readonly string[]) => {
    const options = [`--source=files:${await lab.tempDir()}`, '--node-name=node-1', `--init-state-dir=${initState}`];
    const argv = confined(capabilities, 'daemon/main.ts', ...options, `--state-dir=${await lab.tempDir()}`);
    return node.spawn(argv);
  };
  const needed = {
    net_admin: /"sets":"(?!.*not written yet)/,
    net_raw: /"rules":"(?!.*not checked yet)/,
    sys_admin: /CAP_SYS_ADMIN is missing/,
  } as const;
  for (const missing of DAEMON) {
    const daemon = await start(DAEMON.filter((name) => name !== missing));
    let shown = '';
    const isTold = async (): Promise<boolean> => {
      shown = await readiness();
      return needed[missing].test(shown);
    };
    await until(`without ${missing} it is not ready`, isTold).catch((error: Error) =>
      t.log(`${error.message}: ${shown}`),
    );
    t.regex(shown, needed[missing], `without ${missing}`);
    await daemon.stop('SIGKILL');
  }
  const daemon = await start(DAEMON);
  await until('it is ready', async () => (await readiness()).includes('"ready":true'), 20_000);
  t.pass();
  await daemon.stop();
});
