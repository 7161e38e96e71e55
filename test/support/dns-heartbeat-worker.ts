// SPDX-License-Identifier: Apache-2.0
/** A DNS server in a thread of its own, whose loop can be made to hang: a message says for how many milliseconds. */
import { parentPort, workerData } from 'node:worker_threads';
import { startDnsServer } from '../../daemon/dns/dns-server.ts';

const beats = workerData as Int32Array;

await startDnsServer({
  listen: [{ address: '127.0.0.4', port: 0 }],
  originalServer: () => ({ address: '127.0.0.1', port: 9 }),
  identify: () => null,
  whenKnown: async () => {},
  awaited: () => [],
  managed: () => null,
  addressesFor: () => null,
  onOutcome: () => {},
  heartbeat: {
    ready: () => true,
    intervalMs: 40,
    async beat() {
      Atomics.add(beats, 0, 1);
    },
  },
});

parentPort?.on('message', (ms: number) => {
  parentPort?.postMessage('hangs');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
});
