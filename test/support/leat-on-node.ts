// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseAllDocuments } from 'yaml';
import { noteSecretsOf } from './evidence.ts';
import type { InitOfNode } from './init-run.ts';
import type { Lab } from './lab.ts';
import type { Namespace } from './namespace.ts';
import type { Running } from './running.ts';

const MAIN = new URL('../../daemon/main.ts', import.meta.url).pathname;
const DAEMON_SET = new URL('../../charts/leat/templates/daemonset.yaml', import.meta.url);

/** What the chart gives Node.js before the daemon. */
export function nodeFlags(): string[] {
  const flags = /^ +command: \[node, (.*), \/app\/daemon\/main\.ts\]$/m.exec(readFileSync(DAEMON_SET, 'utf8'))?.[1];
  if (flags === undefined) throw new Error('the chart does not start the daemon as it used to');
  return flags.split(', ');
}

/** A line of the access log. */
export type AccessLogLine = Readonly<Record<string, unknown>>;

export interface LeatOptions {
  /** File name → YAML. */
  readonly resources: Readonly<Record<string, string>>;
  /** Further options of the daemon. */
  readonly options?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** False: returns as soon as the process runs. Default: waits until /readyz says yes. */
  readonly waitUntilReady?: boolean;
}

/** The daemon on a node of a lab, with a resource folder and a state folder of its own. */
export class LeatOnNode {
  readonly node: Namespace;
  readonly directory: string;
  readonly #argv: readonly string[];
  readonly #env: Readonly<Record<string, string>>;
  #daemon: Running | null = null;
  #log = '';

  private constructor(
    node: Namespace,
    directory: string,
    argv: readonly string[],
    env: Readonly<Record<string, string>>,
  ) {
    this.node = node;
    this.directory = directory;
    this.#argv = argv;
    this.#env = env;
  }

  static async start(lab: Lab, init: InitOfNode, settings: LeatOptions) {
    const { resources, options = [], env = {}, waitUntilReady = true } = settings;
    const directory = await lab.tempDir();
    const leat = new LeatOnNode(
      init.node,
      directory,
      [
        process.execPath,
        ...nodeFlags(),
        MAIN,
        `--source=files:${directory}`,
        '--node-name=node-1',
        `--state-dir=${await lab.tempDir()}`,
        `--init-state-dir=${init.stateDir}`,
        '--drain-ms=1000',
        ...options,
      ],
      env,
    );
    for (const [name, text] of Object.entries(resources)) await leat.write(name, text);
    // What it counted until then; a daemon that has ended has told it before.
    lab.beforeDispose(() => leat.scrape());
    await leat.launch(waitUntilReady);
    return leat;
  }

  /** Starts the daemon, again after stop() or kill(). */
  async launch(waitUntilReady = true): Promise<void> {
    this.#daemon = await this.node.spawn(this.#argv, {
      env: this.#env,
      readyTimeoutMs: 20_000,
      ...(waitUntilReady ? { readyWhen: () => this.isReady() } : { readyWhen: /the daemon serves/ }),
    });
  }

  async isReady(): Promise<boolean> {
    const { code } = await this.node.run(['curl', '-fsS', '-m', '1', 'http://127.0.0.1:15020/readyz'], {
      allowFailure: true,
    });
    return code === 0;
  }

  async metrics(): Promise<string> {
    return (await this.node.run(['curl', '-fsS', '-m', '5', 'http://127.0.0.1:15020/metrics'])).stdout;
  }

  /** Writes a resource file; it takes effect within a second. */
  async write(name: string, text: string): Promise<void> {
    noteSecretsOf(parseAllDocuments(text).map((document) => document.toJS() as unknown));
    await writeFile(join(this.directory, name), text, { mode: 0o600 });
  }

  /** Lines of the access log so far, of connections and requests. */
  accessLog(): AccessLogLine[] {
    return `${this.#log}${this.#daemon?.output() ?? ''}`
      .split('\n')
      .filter((line) => line.startsWith('{') && line.includes('"record":'))
      .map((line) => JSON.parse(line) as AccessLogLine);
  }

  /** The first line that has these facts; waits for it up to 5 s. */
  async record(facts: AccessLogLine): Promise<AccessLogLine> {
    const matches = (line: AccessLogLine): boolean =>
      Object.entries(facts).every(([name, value]) => line[name] === value);
    for (let waitedMs = 0; waitedMs < 5000; waitedMs += 50) {
      const line = this.accessLog().find(matches);
      if (line !== undefined) return line;
      await sleep(50);
    }
    throw new Error(`no record with ${JSON.stringify(facts)}; there are:\n${this.output()}`);
  }

  output(): string {
    return this.#log + (this.#daemon?.output() ?? '');
  }

  get pid(): number {
    return this.#daemon?.pid ?? -1;
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** Asks the admin port for everything that it tells. */
  async scrape(): Promise<void> {
    if (this.#daemon === null) return;
    for (const path of ['metrics', 'readyz', 'livez']) {
      await this.node.run(['curl', '-sS', '-m', '2', `http://127.0.0.1:15020/${path}`], { allowFailure: true });
    }
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    await this.scrape();
    await this.#daemon?.stop(signal);
    this.#log = this.output();
    this.#daemon = null;
  }
}
