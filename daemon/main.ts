// SPDX-License-Identifier: Apache-2.0
/** `node daemon/main.ts --source files:DIR --node-name NAME`: exit code 2 for options that are wrong, 1 for a failure. */
import { startApp } from './app.ts';
import { ConfigError, helpText, loadConfig } from './config/config.ts';
import { createLogger } from './telemetry/logger.ts';

async function main(): Promise<void> {
  if (process.argv.includes('--help')) {
    process.stdout.write(helpText());
    return;
  }
  const config = loadConfig(process.argv.slice(2), process.env);
  const log = createLogger(config.logLevel, config.nodeName);
  const fail = (error: unknown): void => {
    log.fatal({ err: error }, 'the daemon ends');
    log.flush();
    process.exit(1);
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);

  const app = await startApp(config, log);
  const stop = (): void => {
    app.stop().then(() => process.exit(0), fail);
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

main().catch((error: unknown) => {
  process.stderr.write(`leat: ${error instanceof Error ? error.message : error}\n`);
  process.exit(error instanceof ConfigError ? 2 : 1);
});
