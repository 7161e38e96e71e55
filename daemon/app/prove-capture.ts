// SPDX-License-Identifier: Apache-2.0
import type { SelfTest } from '../capture/self-test.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';

export interface ProofParts {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly onProved: () => void;
  readonly onFailed: (reason: string) => void;
}

const EVERY_MS = 60_000;
/** What failed is looked at again soon: it may be about to be repaired. */
const AFTER_FAILURE_MS = 5_000;

/** Runs the self-test now, every minute, and more often while it fails. */
export function proveCapture(selfTest: SelfTest, { log, metrics, onProved, onFailed }: ProofParts): { stop(): void } {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let last: string | null = null;
  const turn = async (): Promise<void> => {
    const result = await selfTest.run();
    if (stopped) return;
    metrics.selfTest.set(result.ok ? 1 : 0);
    if (result.ok) {
      if (last !== '') log.info('the self-test proved that connections are captured');
      last = '';
      onProved();
    } else {
      if (last !== result.reason) log.error({ cure: result.cure }, result.reason);
      last = result.reason;
      onFailed(`${result.reason}; ${result.cure}`);
    }
    timer = setTimeout(() => void turn(), result.ok ? EVERY_MS : AFTER_FAILURE_MS);
  };
  void turn();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
