// SPDX-License-Identifier: Apache-2.0
/** What the image holds, of which the Dockerfile and scripts/setup/build-rootfs make the same. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { createLab } from '../support/lab.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const read = (name: string): string => readFileSync(join(PROJECT, name), 'utf8');

test('every program starts from what the image holds, with no package beside', async (t) => {
  const lab = await createLab('image');
  t.teardown(() => lab.dispose());
  const app = await lab.loopback.tempDir();
  await lab.loopback.run([process.execPath, join(PROJECT, 'scripts/setup/copy-app.ts'), app], { timeoutMs: 60_000 });
  t.deepEqual(readdirSync(app).sort(), [
    ...['LICENSE', 'api', 'controller', 'daemon', 'init', 'node_modules', 'package.json', 'uninstall'],
  ]);
  t.deepEqual(readdirSync(join(app, 'daemon/native/build')), ['leat_native.node']);
  for (const program of ['init', 'daemon', 'controller', 'uninstall']) {
    const main = join(app, program, 'main.ts');
    const { stdout, stderr } = await lab.loopback.run([process.execPath, main, '--help'], { allowFailure: true });
    // the Job has no help, and says which of its options are missing
    t.regex(stdout + stderr, program === 'uninstall' ? /^leat uninstall: / : /^usage: /im, program);
  }
  const { dependencies, devDependencies } = JSON.parse(read('package.json'));
  const packages = new Set(readdirSync(join(app, 'node_modules')));
  for (const name of Object.keys(dependencies)) t.true(packages.has(name.split('/')[0] ?? ''), name);
  for (const name of ['ava', 'typescript', 'esbuild', '@biomejs']) t.false(packages.has(name), name);
  t.true('typescript' in devDependencies);
});

test('both ways to the image install the same tools of Debian, iptables of both backends among them', (t) => {
  const [, ofDockerfile = ''] =
    /apt-get install -y --no-install-recommends (iptables .*?) \\/.exec(read('Dockerfile')) ?? [];
  const [, ofScript = ''] = /^packages=\(\n(.*?)^\)/ms.exec(read('scripts/setup/build-rootfs')) ?? [];
  const wanted = ofDockerfile.split(' ');
  const installed = ofScript.replaceAll(/#.*/g, '').split(/\s+/);
  t.true(wanted.includes('iptables'), 'the package of both backends');
  t.deepEqual(
    wanted.filter((name) => !installed.includes(name)),
    [],
  );
});

test('the Dockerfile’s app is what the script copies, and nothing else', (t) => {
  const [, last = ''] = read('Dockerfile')
    .split(/^FROM .*$/m)
    .slice(-2);
  const copied = last.split('\n').filter((line) => line.startsWith('COPY'));
  t.deepEqual(copied, ['COPY --from=build /app /app']);
  t.regex(read('Dockerfile'), /^RUN node scripts\/setup\/copy-app\.ts \/app$/m);
  t.regex(read('scripts/setup/build-rootfs'), /scripts\/setup\/copy-app\.ts "\$root\/app"$/m);
  // what the build copies has to be let through
  const sources = read('Dockerfile').matchAll(/^COPY (?!--)(.+) \S+$/gm);
  const ignored = read('.dockerignore').split('\n');
  for (const name of [...sources].flatMap(([, names = '']) => names.split(' '))) {
    t.true(
      ignored.some((line) => line === `!${name}` || (line.startsWith('!') && name.startsWith(`${line.slice(1)}/`))),
      name,
    );
  }
});
