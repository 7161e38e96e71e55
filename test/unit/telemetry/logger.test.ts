// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';

const logger = new URL('../../../daemon/telemetry/logger.ts', import.meta.url).href;

test('of an error only code or type and message reach the log: libraries attach their options to errors', async (t) => {
  const program = `
    import { createLogger } from ${JSON.stringify(logger)};
    const error = Object.assign(new Error('failed'), { options: { password: 'open sesame' } });
    createLogger('info', 'node-1').error({ err: error }, 'it failed');`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
  t.deepEqual(JSON.parse(stdout).err, { type: 'Error', message: 'failed' });
  t.false(stdout.includes('open sesame'));
});
