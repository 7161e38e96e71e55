// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { keepOutput, keepText } from './evidence.ts';

export interface SpawnOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** A pattern in the program's output (both streams), or a question that is asked until it says true. Default: ready at once. */
  readonly readyWhen?: RegExp | (() => Promise<boolean>);
  /** Milliseconds; default 15 s. */
  readonly readyTimeoutMs?: number;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** A code other than 0 is returned instead of thrown. */
  readonly allowFailure?: boolean;
  /** Milliseconds after which the program is killed; default 30 s. */
  readonly timeoutMs?: number;
}

export interface Finished {
  readonly stdout: string;
  readonly stderr: string;
  /** The exit code; 128 + n when signal n ended it, as shells count. */
  readonly code: number;
}

/** A program in the background. */
export interface Running {
  readonly pid: number;
  /** Everything it wrote so far, both streams in the order they arrived. */
  output(): string;
  /** What it wrote to its standard output alone: the place to read JSON lines from. */
  stdout(): string;
  /** Writes to its standard input. */
  write(text: string): void;
  /** Sends the signal (default SIGTERM) to its process group, SIGKILL after 5 s, and waits for its end. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Settles with the exit code (128 + n for signal n) when it ends. */
  readonly exited: Promise<number>;
}

/** How a lab starts programs: what stands before their argv, and the environment that marks them as the lab's. */
export interface Entry {
  readonly prefix: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Programs that have not ended: nginx and others overwrite the environment that would tell whose they are. */
  readonly alive: Set<number>;
}

const signalNumbers: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
};

function exitCode(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + (signalNumbers[signal ?? ''] ?? 0);
}

function launch(
  entry: Entry,
  argv: readonly string[],
  options: { env?: Readonly<Record<string, string>>; cwd?: string },
): ChildProcess {
  // The parent-death signal ends programs even where this process is killed without a chance to clean up.
  const [file, ...rest] = ['setpriv', '--pdeathsig', 'KILL', '--', ...entry.prefix, ...argv];
  const child = spawn(file!, rest, {
    env: { ...process.env, LC_ALL: 'C.UTF-8', ...entry.env, ...options.env },
    detached: true,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const pid = child.pid;
  if (pid !== undefined) {
    entry.alive.add(pid);
    child.once('exit', () => entry.alive.delete(pid));
  }
  return child;
}

/** Signals a process group; one that is gone is no error. */
export function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Whether it is one of this project's programs, and not one of its tests. */
function isLeat(argv: readonly string[]): boolean {
  return argv.some((arg) => /(?:^|\/)(?:daemon|controller|init|uninstall|cli)\/main\.ts$|\/kubectl-leat$/.test(arg));
}

/** An answer of Leat's own to an application says so in its header; the admin port is Leat's. */
const OWN_ANSWER = /^x-error-internal-code:/im;
const ADMIN_URL = /^http:\/\/[^/]+:1502\d\//;

function keepWhatLeatSaid(argv: readonly string[], { stdout, stderr }: Finished): void {
  if (isLeat(argv)) keepOutput('log', argv.join(' '))?.(stdout + stderr);
  else if (argv[0] !== 'curl') return;
  else if (argv.some((arg) => ADMIN_URL.test(arg))) keepText('admin', stdout);
  else if (OWN_ANSWER.test(stdout)) keepText('answer', stdout);
}

/** Runs a program to its end. Throws, with its output, when it fails, unless the failure is allowed. */
export async function runProgram(entry: Entry, argv: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const child = launch(entry, argv, options);
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout!.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr!.on('data', (chunk: Buffer) => stderr.push(chunk));
  // A program may end without having read its input: that is its choice, and its exit code says the rest.
  child.stdin!.on('error', () => {});
  child.stdin!.end(options.input ?? '');
  const timeoutMs = options.timeoutMs ?? 30_000;
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child.pid!, 'SIGKILL');
  }, timeoutMs);
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  clearTimeout(timer);
  const finished = {
    stdout: Buffer.concat(stdout).toString(),
    stderr: Buffer.concat(stderr).toString(),
    code: exitCode(code, signal),
  };
  keepWhatLeatSaid(argv, finished);
  if (timedOut)
    throw new Error(`${argv.join(' ')}: not done within ${timeoutMs} ms\n${finished.stdout}${finished.stderr}`);
  if (finished.code !== 0 && options.allowFailure !== true) {
    throw new Error(`${argv.join(' ')}: exit code ${finished.code}\n${finished.stdout}${finished.stderr}`);
  }
  return finished;
}

/** Starts a program in the background and waits until it is ready. Throws, with its output, when it ends before or is late. */
export async function spawnProgram(
  entry: Entry,
  argv: readonly string[],
  options: SpawnOptions = {},
): Promise<Running> {
  const child = launch(entry, argv, options);
  let both = '';
  let out = '';
  let code: number | undefined;
  const keep = isLeat(argv) ? keepOutput('log', argv.join(' ')) : null;
  child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
    both += chunk;
    out += chunk;
    keep?.(chunk);
  });
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
    both += chunk;
    keep?.(chunk);
  });
  child.stdin!.on('error', () => {});
  const exited = once(child, 'exit').then(([exit, signal]) => {
    code = exitCode(exit as number | null, signal as NodeJS.Signals | null);
    return code;
  });
  const closed = new Promise<void>((resolve) => void child.once('close', () => resolve()));
  // once() rejects when the program can't be started; whoever waits for it sees that, and nobody else has to.
  exited.catch(() => {});
  const pid = child.pid;
  if (pid === undefined) {
    await exited;
    throw new Error(`${argv.join(' ')}: could not be started`);
  }
  const running: Running = {
    pid,
    output: () => both,
    stdout: () => out,
    write: (text) => void child.stdin!.write(text),
    exited,
    async stop(signal = 'SIGTERM') {
      if (code === undefined) killGroup(pid, signal);
      const timer = setTimeout(() => killGroup(pid, 'SIGKILL'), 5_000);
      await exited;
      clearTimeout(timer);
      // Its children may have outlived it.
      killGroup(pid, 'SIGKILL');
    },
  };
  const readyWhen = options.readyWhen;
  if (readyWhen === undefined) return running;
  const ready = readyWhen instanceof RegExp ? async () => readyWhen.test(both) : readyWhen;
  const timeoutMs = options.readyTimeoutMs ?? 15_000;
  const late = Date.now() + timeoutMs;
  while (!(await ready())) {
    const problem =
      code !== undefined ? `ended with code ${code} before it was ready` : `not ready within ${timeoutMs} ms`;
    if (code !== undefined || Date.now() > late) {
      await running.stop('SIGKILL');
      // A program may end before its last words are read.
      await Promise.race([closed, sleep(1_000)]);
      throw new Error(`${argv.join(' ')}: ${problem}\n${both}`);
    }
    await sleep(25);
  }
  return running;
}
