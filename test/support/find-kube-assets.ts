// SPDX-License-Identifier: Apache-2.0
/**
 * Where kube-apiserver, etcd and kubectl are: KUBEBUILDER_ASSETS, the convention of the ecosystem, or a folder beside the
 * project that can make them. Run it to see: `node test/support/find-kube-assets.ts` prints the folder, or says what is
 * missing and ends with code 1.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const PROGRAMS = ['kube-apiserver', 'etcd', 'kubectl'];
const SETUP = fileURLToPath(new URL('../../../shared/kube/setup', import.meta.url));
/** What the setup said at its end. While that holds it must not run again: it would replace programs that a test is just starting. */
const SAID = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'leat', 'kube-assets');
const RUN_ONCE = `
[ "$1" -nt "$0" ] && [ -e "$(sed -n 's/^KUBEBUILDER_ASSETS=//p' "$1")/kubectl" ] || { "$0" assets >"$1.part" && mv "$1.part" "$1"; }
cat "$1"`;

export const MISSING_ASSETS = [
  'kube-apiserver, etcd and kubectl are not to be found: set KUBEBUILDER_ASSETS to the folder that holds them.',
  'setup-envtest makes one: go install sigs.k8s.io/controller-runtime/tools/setup-envtest@latest, and then',
  'export KUBEBUILDER_ASSETS=$(setup-envtest use -p path). A node of kind holds them too, as images.',
].join(' ');

/** The folder; null where there is none. Making it takes up to half a minute, once on a machine; others wait meanwhile. */
export function findKubeAssets(): string | null {
  const named = process.env.KUBEBUILDER_ASSETS;
  if (named !== undefined && named !== '') return isComplete(named) ? named : null;
  if (!existsSync(SETUP)) return null;
  mkdirSync(dirname(SAID), { recursive: true });
  const argv = [`${SAID}.lock`, 'sh', '-ec', RUN_ONCE, SETUP, SAID];
  const { stdout, status } = spawnSync('flock', argv, { encoding: 'utf8', timeout: 300_000 });
  const made = status === 0 ? /^KUBEBUILDER_ASSETS=(.+)$/m.exec(stdout)?.[1] : undefined;
  return made !== undefined && isComplete(made) ? made : null;
}

function isComplete(folder: string): boolean {
  return PROGRAMS.every((program) => existsSync(join(folder, program)));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const folder = findKubeAssets();
  console.log(folder ?? MISSING_ASSETS);
  process.exitCode = folder === null ? 1 : 0;
}
