// SPDX-License-Identifier: Apache-2.0
/** `node controller/main.ts --identity NAME`: exit code 2 for options that are wrong, 1 for a failure. */
import { createLog, startController } from './app.ts';
import { helpText, OptionsError, readOptions } from './options.ts';

async function main(): Promise<void> {
  if (process.argv.includes('--help')) {
    process.stdout.write(helpText());
    return;
  }
  const options = readOptions(process.argv.slice(2), process.env);
  const log = createLog(options.logLevel);
  const fail = (error: unknown): void => {
    log.fatal({ err: error }, 'the controller ends');
    log.flush();
    process.exit(1);
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);

  const app = await startController(options, log);
  const stop = (): void => {
    app.stop().then(() => process.exit(0), fail);
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

main().catch((error: unknown) => {
  process.stderr.write(`leat controller: ${error instanceof Error ? error.message : error}\n`);
  process.exit(error instanceof OptionsError ? 2 : 1);
});
