// SPDX-License-Identifier: Apache-2.0
/** The capture listener with a self-test: `run` prints a result as JSON, `stop` ends it. */
import { createInterface } from 'node:readline';
import { listenForCaptured } from '../../../daemon/capture/listen-for-captured.ts';
import { createReadOriginalDestination } from '../../../daemon/capture/original-destination.ts';
import { createSelfTest } from '../../../daemon/capture/self-test.ts';

const [portText = '', leatAddress4 = '', leatAddress6 = '', ...targets] = process.argv.slice(2);
const readOriginalDestination = createReadOriginalDestination([leatAddress4, leatAddress6]);
const selfTest = createSelfTest({ targets, readOriginalDestination, timeoutMs: 3_000 });
const listener = await listenForCaptured({
  port: Number(portText),
  ipv6: true,
  onConnection: (downstream) => {
    if (selfTest.takes(downstream)) return;
    console.log(JSON.stringify({ stranger: downstream.remoteAddress }));
    downstream.on('error', () => undefined);
    downstream.resetAndDestroy();
  },
  onError: (error) => {
    throw error;
  },
});
console.log('listening');
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'stop') break;
  console.log(JSON.stringify(await selfTest.run()));
}
await selfTest.stop();
listener.close();
process.stdin.destroy();
