// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from 'node:util';
import { API_VERSION } from '../../api/group.ts';
import type { NodeStateStatus } from '../../api/kinds/node-state.ts';
import type { ApiClient } from '../kube/api-client.ts';
import { ApiError } from '../kube/api-error.ts';

export interface ReportTimes {
  /** At most one report in so long. */
  readonly everyMs: number;
  /** One at least, also without news: what is not heard of is not alive. */
  readonly heartbeatMs: number;
}

const REPORT_TIMES: ReportTimes = { everyMs: 10_000, heartbeatMs: 300_000 };

export interface ReportOptions {
  readonly client: ApiClient;
  readonly nodeName: string;
  /** What there is to report now. */
  readonly describe: () => NodeStateStatus;
  /** A report could not be written; null: it works again. */
  readonly onFailure: (error: Error | null) => void;
  readonly times?: ReportTimes;
}

export interface NodeReport {
  /** There may be news. */
  wake(): void;
  /**
   * Nothing is written any more, but that the daemon of this pod has ended. Where that can't be written soon the pod is
   * replaced later, as Kubernetes does it by itself.
   */
  stop(endedPod: string | null): Promise<void>;
}

const PATH = `/apis/${API_VERSION}/nodestates`;
const MERGE_PATCH = 'application/merge-patch+json';
const REQUEST_TIMEOUT_MS = 15_000;
/** Nothing serves meanwhile. */
const END_TIMEOUT_MS = 1_000;
/** Events of one moment are one report. */
const COALESCE_MS = 500;

/** Keeps the NodeState of this node: written when it changed, at most once in ten seconds, at least every five minutes. */
export function reportNode(options: ReportOptions): NodeReport {
  const { everyMs, heartbeatMs } = options.times ?? REPORT_TIMES;
  const ended = new AbortController();
  let last: NodeStateStatus | null = null;
  let lastMs = Number.NEGATIVE_INFINITY;
  let failing = false;
  let timer: NodeJS.Timeout | null = null;
  let dueMs = Number.POSITIVE_INFINITY;
  let running: Promise<void> = Promise.resolve();

  function schedule(waitMs: number): void {
    const atMs = performance.now() + waitMs;
    if (ended.signal.aborted || atMs >= dueMs) return;
    if (timer !== null) clearTimeout(timer);
    dueMs = atMs;
    timer = setTimeout(() => {
      dueMs = Number.POSITIVE_INFINITY;
      running = running.then(turn);
    }, waitMs);
  }

  async function turn(): Promise<void> {
    if (ended.signal.aborted) return;
    const status = options.describe();
    const isDue = performance.now() - lastMs >= heartbeatMs;
    if (isDue || last === null || !isSame(last, status)) {
      lastMs = performance.now();
      try {
        await write(options, status, AbortSignal.any([ended.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]));
        last = status;
        if (failing) options.onFailure(null);
        failing = false;
      } catch (error) {
        if (ended.signal.aborted) return;
        last = null;
        failing = true;
        options.onFailure(error as Error);
        schedule(everyMs);
      }
    }
    schedule(heartbeatMs);
  }

  schedule(COALESCE_MS);
  return {
    wake: () => schedule(Math.max(COALESCE_MS, lastMs + everyMs - performance.now())),
    async stop(endedPod) {
      ended.abort();
      if (timer !== null) clearTimeout(timer);
      await running;
      if (endedPod === null) return;
      const { client, nodeName, onFailure } = options;
      const body = { status: { endedPod } };
      const signal = AbortSignal.timeout(END_TIMEOUT_MS);
      await client
        .send('PATCH', `${PATH}/${nodeName}/status`, body, MERGE_PATCH, signal)
        .catch((error: Error) => onFailure(error));
    },
  };
}

/** When it was made, and when the API server was heard, is no news. */
function isSame(a: NodeStateStatus, b: NodeStateStatus): boolean {
  const withoutTimes = ({ observedTime: _, selfTest, snapshot, ...rest }: NodeStateStatus): object => ({
    ...rest,
    selfTest: { ...selfTest, time: '' },
    snapshot: { ...snapshot, time: '' },
  });
  return isDeepStrictEqual(withoutTimes(a), withoutTimes(b));
}

/** Lists are replaced as a whole by a merge patch. Where there is no NodeState yet it is made, owned by the Node. */
async function write({ client, nodeName }: ReportOptions, status: NodeStateStatus, signal: AbortSignal): Promise<void> {
  const path = `${PATH}/${nodeName}/status`;
  // what is left out is to go, and not to stay from before
  const selfTest = { message: null, time: null, ...status.selfTest };
  const body = { status: { snapshot: null, endedPod: null, ...status, selfTest } };
  try {
    await client.send('PATCH', path, body, MERGE_PATCH, signal);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
    // listed, as the watch of the same object does: no further right is needed
    const nodes = `/api/v1/nodes?fieldSelector=metadata.name%3D${nodeName}`;
    const { items } = (await client.send('GET', nodes, null, null, signal)) as { items: readonly NodeObject[] | null };
    const owners = (items ?? []).map(({ metadata: { uid } }) => ({
      apiVersion: 'v1',
      kind: 'Node',
      name: nodeName,
      uid,
    }));
    const made = { apiVersion: API_VERSION, kind: 'NodeState', metadata: { name: nodeName, ownerReferences: owners } };
    await client.send('POST', PATH, made, 'application/json', signal);
    await client.send('PATCH', path, body, MERGE_PATCH, signal);
  }
}

interface NodeObject {
  readonly metadata: { readonly uid: string };
}
