// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';

/** npm puts the programs of its packages first on the PATH, and one of them is called `nft`, too. */
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface ToolOptions {
  readonly input?: string;
  /** A descriptor that the tool sees as number 3. */
  readonly descriptor?: number;
  /** Default 10,000; the tool is killed when it takes longer. */
  readonly timeoutMs?: number;
}

/** What a tool of the system wrote to its standard output. @throws Error that tells the tool, its exit and its own words */
export async function runTool(argv: readonly [string, ...string[]], options: ToolOptions = {}): Promise<string> {
  const [file, ...args] = argv;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const tool = spawn(file, args, {
    stdio: ['pipe', 'pipe', 'pipe', options.descriptor ?? 'ignore'],
    env: { ...process.env, LC_ALL: 'C', PATH: SYSTEM_PATH },
    timeout: options.timeoutMs ?? 10_000,
    killSignal: 'SIGKILL',
  });
  const { stdin, stdout, stderr } = tool;
  if (stdin === null || stdout === null || stderr === null) throw new Error(`${file} could not be started`);
  const output = collect(stdout);
  const complaint = collect(stderr);
  tool.once('error', (error) => reject(new Error(`${file} could not be started: ${error.message}`, { cause: error })));
  tool.once('close', (code, signal) => {
    if (code === 0) resolve(output());
    else reject(new Error(`${argv.join(' ')} ended with ${signal ?? code}: ${complaint().trim()}`));
  });
  // A tool that ends before it read its input says why on its standard error.
  stdin.on('error', () => undefined);
  stdin.end(options.input ?? '');
  return promise;
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString();
}
