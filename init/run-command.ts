// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { EXIT_CODES, InitError } from './init-error.ts';

/** Longer than the 30 s that a command may itself wait for the xtables lock. */
const COMMAND_TIMEOUT_MS = 60_000;
/** iptables-save of a node with tens of thousands of Services is some ten MiB. */
const OUTPUT_LIMIT_BYTES = 256 * 1024 * 1024;

/** First in PATH: packages of npm install programs of the same names (`nft`) into node_modules/.bin. */
const SYSTEM_PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

interface CommandResult {
  /** Null where the command does not exist. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. Passed in everywhere, so that what reads and writes the node is seen in one place. */
export type Run = (command: string, args: readonly string[], stdin?: string) => CommandResult;

/** @throws InitError (failed) where the command can't be run or doesn't end in time. */
export const runCommand: Run = (command, args, stdin) => {
  const result = spawnSync(command, args, {
    ...(stdin === undefined ? {} : { input: stdin }),
    encoding: 'utf8',
    timeout: COMMAND_TIMEOUT_MS,
    killSignal: 'SIGKILL',
    maxBuffer: OUTPUT_LIMIT_BYTES,
    // Messages are read by us: not in the administrator's language.
    env: { ...process.env, LC_ALL: 'C', PATH: `${SYSTEM_PATH}:${process.env.PATH ?? ''}` },
  });
  const code = (result.error as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ENOENT') return { status: null, stdout: '', stderr: `${command}: not found` };
  if (result.error !== undefined || result.status === null) {
    throw new InitError(EXIT_CODES.failed, [`${command} did not end by itself: ${code ?? result.signal}`]);
  }
  return { status: result.status, stdout: result.stdout, stderr: result.stderr };
};

/**
 * The output of a command that has to succeed.
 * @throws InitError (failed) with the first lines of what the command said.
 */
export function runOrFail(run: Run, command: string, args: readonly string[], stdin?: string): string {
  const { status, stdout, stderr } = run(command, args, stdin);
  if (status === 0) return stdout;
  if (status === null) throw new InitError(EXIT_CODES.failed, [`${command} is not installed: add it to the image`]);
  const said = stderr.trim().split('\n').slice(0, 5).join(' / ');
  throw new InitError(EXIT_CODES.failed, [`${command} ${args.join(' ')} failed (${status}): ${said}`]);
}
