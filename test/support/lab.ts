// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { killMarked, labMark } from './leftovers.ts';
import { Namespace, type NamespaceOptions } from './namespace.ts';
import { freeLoopbackPort, type Place } from './place.ts';
import { type Entry, killGroup, runProgram, spawnProgram } from './running.ts';
import {
  attachPodRouted,
  attachPodToBridge,
  type BridgePodOptions,
  type LinkOptions,
  linkNamespaces,
  makeBridge,
  type RoutedPodOptions,
} from './wiring.ts';

const living = new Set<Lab>();
let count = 0;
let guarded = false;

/**
 * A laboratory: network namespaces, programs and folders that all end with dispose(), whatever happened.
 * Use it as `const lab = await createLab('dns'); t.teardown(() => lab.dispose());`.
 * Namespaces need root; `lab.loopback` does not.
 */
export async function createLab(name: string): Promise<Lab> {
  guardEnd();
  count += 1;
  const lab = new Lab(name, `leat-${process.pid}-${count}`);
  living.add(lab);
  return lab;
}

export class Lab {
  /** What the lab is for; it appears in messages only. */
  readonly title: string;
  /** The beginning of everything it makes: leat-PID-N. */
  readonly prefix: string;
  /** The machine's own loopback, for tests that need no namespace. */
  readonly loopback: Place;
  readonly #entry: Entry;
  readonly #namespaces: string[] = [];
  readonly #folders: string[] = [];
  readonly #last: (() => Promise<void>)[] = [];

  constructor(title: string, prefix: string) {
    this.title = title;
    this.prefix = prefix;
    const entry: Entry = { prefix: [], env: { [labMark]: prefix }, alive: new Set() };
    this.#entry = entry;
    this.loopback = {
      name: 'loopback',
      listenAddress: '127.0.0.1',
      freePort: () => freeLoopbackPort(),
      run: (argv, options) => runProgram(entry, argv, options),
      spawn: (argv, options) => spawnProgram(entry, argv, options),
      tempDir: () => this.tempDir(),
    };
  }

  /** Makes a network namespace called PREFIX-ROLE, with lo up. */
  async namespace(role: string, options: NamespaceOptions = {}): Promise<Namespace> {
    const name = `${this.prefix}-${role}`;
    // Noted before it is there: whatever fails or ends on the way, it is removed.
    this.#namespaces.push(name);
    return Namespace.create(name, this.#entry, () => this.tempDir(), options);
  }

  /** Joins two namespaces by a veth pair with the given addresses; IPv6 is usable at once. */
  link(a: Namespace, nameA: string, b: Namespace, nameB: string, options?: LinkOptions): Promise<void> {
    return linkNamespaces(a, nameA, b, nameB, options);
  }

  /** Makes a bridge in a namespace, with br_netfilter on for both families. */
  bridge(node: Namespace, name: string, addresses: readonly string[]): Promise<void> {
    return makeBridge(node, name, addresses);
  }

  /** Attaches a pod to a bridge (the most common CNI). Returns the name of the node's end of its veth pair. */
  attachPodToBridge(pod: Namespace, node: Namespace, options: BridgePodOptions): Promise<string> {
    return attachPodToBridge(pod, node, options);
  }

  /** Attaches a pod by a routed veth: with `gateways` the node's end carries these, without it has no address. */
  attachPodRouted(pod: Namespace, node: Namespace, options: RoutedPodOptions): Promise<string> {
    return attachPodRouted(pod, node, options);
  }

  /** A new folder (mode 0755, so that servers of other users can enter) that dispose() removes. */
  async tempDir(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), `${this.prefix}-`));
    this.#folders.push(folder);
    await chmod(folder, 0o755);
    return folder;
  }

  /** Is done by dispose(), while the programs still run; a failure of it is none of the lab's. */
  beforeDispose(act: () => Promise<void>): void {
    this.#last.push(act);
  }

  /** Ends every program of the lab and removes its namespaces and folders. May be called twice. */
  async dispose(): Promise<void> {
    if (!living.has(this)) return;
    await Promise.allSettled(this.#last.splice(0).map((act) => act()));
    // A program that is forking just now needs a second look, and a killed one a moment to go.
    for (let round = 0; this.#kill() > 0 && round < 100; round += 1) await sleep(20);
    this.#remove();
    living.delete(this);
  }

  /** The same without waiting: for the end of this process, when nothing asynchronous runs any more. */
  disposeNow(): void {
    if (!living.has(this)) return;
    for (let round = 0; this.#kill() > 0 && round < 10; round += 1)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    this.#remove();
    living.delete(this);
  }

  #kill(): number {
    let killed = killMarked((mark) => mark === this.prefix) + this.#entry.alive.size;
    for (const pid of this.#entry.alive) killGroup(pid, 'SIGKILL');
    for (const name of this.#namespaces) {
      const { stdout } = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' });
      for (const pid of (stdout ?? '').split('\n').filter((line) => line !== '')) {
        try {
          process.kill(Number(pid), 'SIGKILL');
          killed += 1;
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
        }
      }
    }
    return killed;
  }

  #remove(): void {
    const left: string[] = [];
    for (const name of this.#namespaces.splice(0).filter((each) => existsSync(`/run/netns/${each}`))) {
      const { status, stderr } = spawnSync('ip', ['netns', 'delete', name], { encoding: 'utf8' });
      if (status !== 0) left.push(stderr.trim());
    }
    for (const folder of this.#folders.splice(0)) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    if (left.length > 0) throw new Error(`lab ${this.title} could not remove everything: ${left.join('; ')}`);
  }
}

function guardEnd(): void {
  if (guarded) return;
  guarded = true;
  process.on('exit', () => {
    for (const lab of living) lab.disposeNow();
  });
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.once(signal, () => process.exit(code));
  }
}
