// SPDX-License-Identifier: Apache-2.0
/** The controller's composition root: watches, plans, and writes while it holds the Lease. */
import type { AddressInfo } from 'node:net';
import { type Logger, pino } from 'pino';
import { Counter, Gauge, Registry } from 'prom-client';
import { startAdminServer } from './admin-server.ts';
import { createApiWriter, createKubeConfig, createLeaseStore } from './cluster/api-writer.ts';
import { describeChange } from './cluster/cluster-writer.ts';
import { followCluster } from './cluster/follow-cluster.ts';
import { sapCustomResources, sapStatus } from './health/sap-health.ts';
import { holdLease } from './lease/hold-lease.ts';
import type { ControllerOptions } from './options.ts';
import { readableNamespaces } from './reconcile/plan-bindings.ts';
import { planChanges } from './reconcile/plan-changes.ts';
import { planEndedPods } from './reconcile/plan-ended-pods.ts';
import { planGrants } from './reconcile/plan-grants.ts';
import { Reconciler, type ReconcilerOptions } from './reconcile/reconciler.ts';
import { Takeover } from './reconcile/takeover.ts';
import { ToldEvents } from './reconcile/told-events.ts';

export interface ControllerApp {
  readonly adminPort: number;
  /** Ends what is under way, and gives the Lease back. */
  stop(): Promise<void>;
}

/** One failure alone is the everyday end of a connection. */
const TELL_AFTER_TIMES = 2;
/** A Role is written at most twice a second, and all nodes hear of it. */
const GRANTS_COALESCE_MS = 500;

/** JSON lines on standard output; of an error its message alone. */
export function createLog(level: string): Logger {
  const describe = (error: unknown): object => ({ message: error instanceof Error ? error.message : 'unknown cause' });
  return pino(
    {
      level,
      base: { program: 'controller' },
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: describe },
    },
    pino.destination({ dest: 1, sync: false }),
  );
}

/** @throws what keeps it from starting: a port in use */
export async function startController(options: ControllerOptions, log: Logger): Promise<ControllerApp> {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  const leading = new Gauge({ name: 'leat_controller_leading', help: 'Whether this replica writes', registers });
  const writes = new Counter({
    name: 'leat_controller_writes_total',
    help: 'Changes that were written to the cluster, or refused',
    labelNames: ['change', 'outcome'],
    registers,
  });

  const kube = createKubeConfig(options.access);
  const nowMs = (): number => performance.now();
  const told = new ToldEvents(nowMs);
  const takeover = new Takeover(nowMs);
  const givesSecrets = options.secretsBinding === 'auto';
  const cluster = followCluster({
    access: options.access,
    onChange() {
      reconciler.wake();
      grants.wake();
      successions.wake();
    },
    onFailure(what, failure) {
      if (failure === null) log.info({ what }, 'the API server answers again');
      else if (failure.times >= TELL_AFTER_TIMES) {
        log.error({ what, status: failure.status, times: failure.times }, `the watch fails: ${failure.message}`);
      }
    },
    readableNamespaces: givesSecrets ? (bindings) => readableNamespaces(bindings, options) : null,
  });
  const writing: Omit<ReconcilerOptions, 'plan'> = {
    write: createApiWriter(kube, { ...options, holder: options.identity }),
    onWritten(change) {
      writes.inc({ change: change.do, outcome: 'written' });
      log.debug(describeChange(change));
    },
    onFailed(change, error) {
      writes.inc({ change: change.do, outcome: 'failed' });
      const cure = error.status === 403 ? "; the controller's ClusterRole lacks the right" : '';
      log.error({ status: error.status }, `${describeChange(change)} failed: ${error.message}${cure}`);
    },
    onError: (err) => log.error({ err }, 'a turn failed'),
  };
  const reconciler = new Reconciler({
    ...writing,
    plan() {
      const view = cluster.view();
      if (view === null) return null;
      return planChanges(view, options, { takeover, told, nowText: `${new Date().toISOString().slice(0, 19)}Z` });
    },
  });
  // Apart: whoever labels a Secret waits for it, and who labels a hundred of them is not to make a hundred Roles.
  const grants = new Reconciler({
    ...writing,
    coalesceMs: GRANTS_COALESCE_MS,
    // a Role that is not there can't be bound
    atOnce: 1,
    plan() {
      const view = cluster.view();
      return view === null || !givesSecrets ? null : planGrants(view, options);
    },
  });
  // Apart: a node is without a daemon meanwhile, and a turn of everything takes seconds in a large cluster.
  const successions = new Reconciler({
    ...writing,
    plan() {
      const view = cluster.view();
      return view === null ? null : planEndedPods(view, options);
    },
  });

  let term: Promise<void> = Promise.resolve();
  const lease = holdLease({
    store: createLeaseStore(kube, options.leatNamespace, options.leaseName),
    identity: options.identity,
    onLeading(lost) {
      leading.set(1);
      log.info('this replica leads');
      term = term
        .then(() => Promise.all([reconciler, grants, successions].map((each) => each.lead(lost))))
        .then(() => {
          leading.set(0);
          log.info('this replica leads no more');
        });
    },
    onFailure(err) {
      if (err === null) log.info('the Lease is reached again');
      else log.warn({ err }, 'the Lease could not be read or written');
    },
  });

  const admin = await startAdminServer(options.admin, {
    metricsText: () => registry.metrics(),
    notReady: () => (cluster.view() === null ? 'not everything was read from the API server yet' : null),
    sapAnswers: {
      '/status': () => {
        const view = cluster.view();
        return view === null ? null : sapStatus(view, Date.now());
      },
      '/destinationCRs': () => {
        const view = cluster.view();
        return view === null ? null : sapCustomResources(view);
      },
    },
  });
  log.info({ identity: options.identity }, 'the controller runs');

  return {
    adminPort: (admin.address() as AddressInfo).port,
    async stop() {
      await lease.stop();
      await term;
      await cluster.stop();
      admin.closeAllConnections();
      admin.close();
      log.info('the controller has stopped');
      log.flush();
    },
  };
}
