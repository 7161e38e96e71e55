// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { keepOutput, keepText, noteSecretsOf } from './evidence.ts';
import type { Lab } from './lab.ts';
import type { Namespace } from './namespace.ts';
import type { Finished, Running, RunOptions, SpawnOptions } from './running.ts';

const KUBE = fileURLToPath(new URL('../../../shared/kube', import.meta.url));
const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

export const IMAGE = { repository: 'k8s.local/leat', tag: 'test' } as const;
/** What the node's folder of scripts gives it. */
export const NODE = { name: 'leat-node', podRange: '10.244.0.0/16', serviceRange: '10.96.0.0/16' } as const;

export const MISSING_CLUSTER = [
  `a real node is not to be had: there is no ${KUBE} that starts one (up, down, in-node, import-image).`,
  'Elsewhere: kind create cluster, docker build -t leat:test ., kind load docker-image leat:test,',
  'helm install leat charts/leat with image.repository=leat, and docs/install.md goes on from there.',
].join(' ');

/** Whether this machine can start a node. */
export function hasCluster(): boolean {
  return existsSync(join(KUBE, 'up'));
}

/**
 * A whole Kubernetes node, with kubelet, containerd, kube-proxy and a cluster DNS, in namespaces of its own. There is one on a
 * machine at a time. Every process of it carries the mark of the lab, and ends with it.
 */
export class Cluster {
  readonly kubeconfig: string;
  readonly #lab: Lab;
  readonly #env: Record<string, string>;
  readonly #helm: string;
  readonly #kubectl: string;
  readonly #initPid: string;
  #plugin: string | null = null;

  private constructor(lab: Lab, kubeconfig: string, helm: string) {
    this.#lab = lab;
    this.kubeconfig = kubeconfig;
    this.#helm = helm;
    this.#env = { KUBECONFIG: kubeconfig };
    this.#kubectl = join(kubeconfig, '../../bin/kubectl');
    this.#initPid = readFileSync(join(kubeconfig, '..', 'init.pid'), 'utf8').trim();
  }

  /** Starts the node and puts the image of this project into it; takes about 40 s. End it with `dispose()`. */
  static async start(lab: Lab): Promise<Cluster> {
    if (!hasCluster()) throw new Error(MISSING_CLUSTER);
    const helm = lab.loopback.run([join(PROJECT, 'scripts/setup/install-helm')], { timeoutMs: 900_000 });
    const image = buildImage(lab);
    const up = await lab.loopback.run([join(KUBE, 'up')], {
      env: { FRESH: '1' },
      timeoutMs: 180_000,
      allowFailure: true,
    });
    const kubeconfig = /^export KUBECONFIG=(.+)$/m.exec(up.stdout)?.[1];
    if (up.code !== 0 || kubeconfig === undefined) {
      await image;
      throw new Error(
        `the node did not start; where one is up already, end it with ${KUBE}/down\n${up.stdout}${up.stderr}`,
      );
    }
    process.once('exit', endCluster);
    const cluster = new Cluster(lab, kubeconfig, (await helm).stdout.trim());
    const entry = ['--entrypoint', '["node","/app/daemon/main.ts"]', '--env', 'NODE_COMPILE_CACHE=/app/.compile-cache'];
    const name = `${IMAGE.repository}:${IMAGE.tag}`;
    await lab.loopback.run([join(KUBE, 'import-image'), name, await image, ...entry], { timeoutMs: 120_000 });
    return cluster;
  }

  /** Ends the node, in any state. */
  dispose(): void {
    process.off('exit', endCluster);
    endCluster();
  }

  async kubectl(argv: readonly string[], options: RunOptions = {}): Promise<string> {
    return (await this.tryKubectl(argv, { ...options, allowFailure: false })).stdout;
  }

  tryKubectl(argv: readonly string[], options: RunOptions = {}): Promise<Finished> {
    const merged = { allowFailure: true, ...options, env: this.#env };
    return this.#lab.loopback.run([this.#kubectl, ...argv], merged);
  }

  spawnKubectl(argv: readonly string[], options: SpawnOptions = {}): Promise<Running> {
    return this.#lab.loopback.spawn([this.#kubectl, ...argv], { ...options, env: this.#env });
  }

  async apply(...objects: readonly object[]): Promise<void> {
    noteSecretsOf(objects);
    const list = { apiVersion: 'v1', kind: 'List', items: objects };
    await this.kubectl(['apply', '-f', '-'], { input: JSON.stringify(list) });
  }

  /** Runs the plugin as a user does: built, and with kubectl on the PATH. */
  async kubectlLeat(...argv: string[]): Promise<Finished> {
    this.#plugin ??= await this.#buildPlugin();
    const env = { ...this.#env, PATH: `${dirname(this.#kubectl)}:${process.env.PATH}` };
    return this.#lab.loopback.run([process.execPath, this.#plugin, ...argv], {
      env,
      allowFailure: true,
      timeoutMs: 60_000,
    });
  }

  async #buildPlugin(): Promise<string> {
    const file = join(await this.#lab.tempDir(), 'kubectl-leat');
    await this.#lab.loopback.run([join(PROJECT, 'scripts/setup/build-kubectl-leat'), file]);
    return file;
  }

  async helm(argv: readonly string[]): Promise<string> {
    // What the release wrote until now goes with its pods.
    await this.#keepEvidence();
    return (await this.#lab.loopback.run([this.#helm, ...argv], { env: this.#env, timeoutMs: 180_000 })).stdout;
  }

  /** Runs a program inside the node. */
  async inNode(argv: readonly string[]): Promise<string> {
    return (await this.#lab.loopback.run([join(KUBE, 'in-node'), ...argv])).stdout;
  }

  /** Logs of Leat's pods, metrics of its daemon, its statuses and events: for the search for secrets at the end of a run. */
  async #keepEvidence(): Promise<void> {
    const keep = keepOutput('log', "pods of Leat's, at the node of the cluster rung");
    if (keep === null) return;
    const all = ['--all-containers', '--tail=-1', '--max-log-requests=20'];
    const logs = await this.tryKubectl(['-n', 'leat-system', 'logs', '-l', 'app.kubernetes.io/name=leat', ...all]);
    keep(logs.stdout);
    const kinds = 'destinations,clusterdestinations,tunnels,nodepolicies,destinationsources,nodestates,events';
    keepText('status', (await this.tryKubectl(['get', kinds, '-A', '-o', 'json'])).stdout);
    const scrape = ['sh', '-c', 'curl -sS -m 2 http://127.0.0.1:15020/metrics || true'];
    keepText('admin', await this.inNode(scrape));
  }

  /** For people, after a failure: Leat's pods, what became of them, and the end of their logs. */
  async explain(): Promise<string> {
    const asked = [
      ['get', 'pods', '-A', '-o', 'wide'],
      ['-n', 'leat-system', 'get', 'events', '--sort-by=.lastTimestamp'],
      ['-n', 'leat-system', 'logs', '-l', 'app.kubernetes.io/name=leat', '--all-containers', '--tail=30'],
    ];
    const answers = await Promise.all(asked.map((argv) => this.tryKubectl(argv)));
    return answers.map(({ stdout, stderr }) => stdout + stderr).join('\n');
  }

  /** Joins a namespace of the lab to the node by a veth pair: `eth0` there, `device` here. */
  async join(namespace: Namespace, device: string, nodeAddress: string, address: string): Promise<void> {
    const peer = ['peer', 'name', device, 'netns', this.#initPid];
    await namespace.run(['ip', 'link', 'add', 'eth0', 'type', 'veth', ...peer]);
    await namespace.ip(`address add ${address} dev eth0`, 'link set eth0 up');
    await this.inNode(['ip', 'address', 'add', nodeAddress, 'dev', device]);
    await this.inNode(['ip', 'link', 'set', device, 'up']);
  }

  /** Installs or upgrades the chart; values as Helm takes them. */
  async install(values: object): Promise<void> {
    const file = join(await this.#lab.tempDir(), 'values.json');
    await writeFile(file, JSON.stringify(values));
    const chart = join(PROJECT, 'charts/leat');
    await this.helm(['upgrade', '--install', 'leat', chart, '--namespace=leat-system', `--values=${file}`]);
  }
}

/** The image's root file system, as a folder of the lab. */
async function buildImage(lab: Lab): Promise<string> {
  const folder = await lab.tempDir();
  await lab.loopback.run([join(PROJECT, 'scripts/setup/build-rootfs'), folder], { timeoutMs: 180_000 });
  return folder;
}

/** Synchronous, so that it works in the last moment of a process, too. */
function endCluster(): void {
  spawnSync(join(KUBE, 'down'), { stdio: 'ignore', timeout: 30_000 });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  console.log(hasCluster() ? KUBE : MISSING_CLUSTER);
  process.exitCode = hasCluster() ? 0 : 1;
}
