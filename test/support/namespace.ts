// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Place } from './place.ts';
import {
  type Entry,
  type Finished,
  type Running,
  type RunOptions,
  runProgram,
  type SpawnOptions,
  spawnProgram,
} from './running.ts';

export interface NamespaceOptions {
  /** Forwards packets of both families, as a node or a router does. */
  readonly forward?: boolean;
  /** The /etc/resolv.conf that programs of the namespace see, e.g. 'nameserver 10.96.0.10\n'. Default: the machine's. */
  readonly resolvConf?: string;
  /** The /etc/hosts that they see; only with resolvConf, and then by default no more than localhost. */
  readonly hosts?: string;
}

// Bind mounts in the private mount namespace that `ip netns exec` makes: /etc/netns would be the machine's own configuration.
const enterWithFiles =
  'for f in resolv.conf hosts nsswitch.conf; do mount --bind "$0/$f" "/etc/$f" || exit 126; done; exec "$@"';

/** A network namespace that belongs to a lab, and ends with it. lo is up. */
export class Namespace implements Place {
  readonly name: string;
  /** The file that setns(2) takes: /run/netns/NAME. */
  readonly path: string;
  readonly listenAddress = '0.0.0.0';
  readonly tempDir: () => Promise<string>;
  readonly #outside: Entry;
  readonly #ports = new Set<number>();
  #prefix: readonly string[];

  private constructor(name: string, outside: Entry, tempDir: () => Promise<string>) {
    this.name = name;
    this.path = `/run/netns/${name}`;
    this.tempDir = tempDir;
    this.#outside = outside;
    this.#prefix = ['ip', 'netns', 'exec', name];
  }

  /** Makes the namespace; a lab calls it. */
  static async create(
    name: string,
    outside: Entry,
    tempDir: () => Promise<string>,
    options: NamespaceOptions,
  ): Promise<Namespace> {
    await runProgram(outside, ['ip', 'netns', 'add', name]);
    const namespace = new Namespace(name, outside, tempDir);
    const settings = [
      // Duplicate address detection would make every IPv6 address unusable for its first second.
      'net.ipv6.conf.all.accept_dad=0',
      'net.ipv6.conf.default.accept_dad=0',
      'net.ipv6.conf.all.disable_ipv6=0',
      'net.ipv6.conf.default.disable_ipv6=0',
      ...(options.forward === true ? ['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1'] : []),
    ];
    await namespace.sysctl(...settings);
    await namespace.ip('link set lo up');
    if (options.resolvConf !== undefined) await namespace.setResolvConf(options.resolvConf, options.hosts);
    return namespace;
  }

  /** Gives programs that start from now on their own /etc/resolv.conf and /etc/hosts, and an nsswitch.conf that reads only these. */
  async setResolvConf(resolvConf: string, hosts = '127.0.0.1 localhost\n::1 localhost\n'): Promise<void> {
    const folder = await this.tempDir();
    await writeFile(join(folder, 'resolv.conf'), resolvConf);
    await writeFile(join(folder, 'hosts'), hosts);
    await writeFile(
      join(folder, 'nsswitch.conf'),
      'passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n',
    );
    this.#prefix = ['ip', 'netns', 'exec', this.name, 'sh', '-c', enterWithFiles, folder];
  }

  run(argv: readonly string[], options?: RunOptions): Promise<Finished> {
    return runProgram(this.#entry(), argv, options);
  }

  spawn(argv: readonly string[], options?: SpawnOptions): Promise<Running> {
    return spawnProgram(this.#entry(), argv, options);
  }

  /** What stands before a program's argv to run it in here: for a person's terminal, or a program that starts others itself. */
  get entry(): readonly string[] {
    return this.#prefix;
  }

  /** Applies lines of ip(8), such as 'address add 10.0.0.1/24 dev eth0', in order; the first that fails throws.
   *  The family follows from the addresses: a batch takes no -6. */
  async ip(...lines: string[]): Promise<void> {
    await runProgram(this.#outside, ['ip', '-n', this.name, '-batch', '-'], {
      input: `${lines.join('\n')}\n`,
    });
  }

  /** Sets kernel parameters (name=value) of the namespace. */
  async sysctl(...settings: string[]): Promise<void> {
    await runProgram({ ...this.#outside, prefix: ['ip', 'netns', 'exec', this.name] }, ['sysctl', '-qw', ...settings]);
  }

  async freePort(preferred: number): Promise<number> {
    let port = preferred;
    while (this.#ports.has(port)) port += 1;
    this.#ports.add(port);
    return port;
  }

  #entry(): Entry {
    return { ...this.#outside, prefix: this.#prefix };
  }
}
