// SPDX-License-Identifier: Apache-2.0
/** The composition root: makes every part, hands each what it needs, and knows in which order they start and stop. */
import { startAdminServer } from './admin/admin-server.ts';
import { Readiness } from './admin/readiness.ts';
import { acceptCaptured } from './app/accept-captured.ts';
import { followSource } from './app/follow-source.ts';
import { createForward } from './app/forward.ts';
import { learnAddresses } from './app/learn-addresses.ts';
import { openRelayer } from './app/open-relayer.ts';
import { createPlanDial } from './app/plan-dial.ts';
import { proveCapture } from './app/prove-capture.ts';
import { reportState } from './app/report-state.ts';
import { serveDns } from './app/serve-dns.ts';
import { trackCredentials } from './app/track-credentials.ts';
import { trackTunnels } from './app/track-tunnels.ts';
import { watchRules } from './app/watch-rules.ts';
import { wireUpstreams } from './app/wire-upstreams.ts';
import { guardDeny } from './capture/guard-deny.ts';
import { openIpset } from './capture/ipset-netlink.ts';
import { createReadOriginalDestination } from './capture/original-destination.ts';
import { createPodLinks } from './capture/pod-links.ts';
import { readInitRecord } from './capture/read-init-record.ts';
import { createSelfTest } from './capture/self-test.ts';
import { createSetSync } from './capture/sync-sets.ts';
import type { Config } from './config/config.ts';
import { createSyntheticAddresses } from './destination/synthetic-addresses.ts';
import { LeatError } from './errors/leat-error.ts';
import { ConnectionTracker } from './lifecycle/connection-tracker.ts';
import { giveBackMemory } from './lifecycle/give-back-memory.ts';
import { openSyntheticJournal } from './lifecycle/synthetic-journal.ts';
import { readClientHello } from './net/client-hello.ts';
import { systemClock } from './net/clock.ts';
import { readRequestHost } from './net/read-request-host.ts';
import { ConnectionLimit } from './proxy/connection-limit.ts';
import { handleConnection } from './proxy/handle-connection.ts';
import type { ProxyPorts } from './proxy/ports.ts';
import { createSnapshotFeed } from './proxy/snapshot-feed.ts';
import { takeSocket } from './relay/take-over.ts';
import { createRecorder } from './telemetry/connection-record.ts';
import type { Logger } from './telemetry/logger.ts';
import { createMetrics } from './telemetry/metrics.ts';

export interface App {
  /** Serves on until no connection is open, at most `drainMs`; then resets the rest, and takes back what it wrote. */
  stop(): Promise<void>;
}

const IDENTIFY_TIMEOUT_MS = 2_000;
/** For the first bytes of a client, which say what name it wants. */
const FIRST_BYTES_TIMEOUT_MS = 10_000;

/** Starts the daemon. @throws what keeps it from starting: a port in use, a folder that can't be written */
export async function startApp(config: Config, log: Logger): Promise<App> {
  const clock = systemClock;
  const metrics = createMetrics();
  const snapshots = createSnapshotFeed();
  const tracker = new ConnectionTracker();
  const draining = new AbortController();
  const readiness = new Readiness({
    source: 'the source has not delivered its resources yet',
    sets: 'the sets of the kernel are not written yet',
    rules: 'the rules of the kernel are not checked yet',
    dns: 'DNS has not answered a query of its own yet',
    ...(config.selfTest ? { capture: 'the self-test has not proved yet that connections are captured' } : {}),
  });

  const journal = openSyntheticJournal(config.stateDirectory);
  const synthetic = createSyntheticAddresses({
    range4: config.syntheticRanges.v4,
    range6: config.syntheticRanges.v6,
    entries: journal.entries,
    onAllocate(entry) {
      journal.append(entry);
      metrics.syntheticNames.inc();
    },
  });
  metrics.syntheticNames.set(synthetic.entries().length);

  const relayer = openRelayer(config, (downstream) => captured.accept(downstream));
  const noteProblems = (): void => report.noteProblems();
  const tracked = trackCredentials({ clock, log, onChange: noteProblems });
  const tunnels = trackTunnels({ clock, log, onChange: noteProblems, snapshots });
  const upstreams = wireUpstreams(config, {
    clock,
    metrics,
    relay: relayer.relay,
    takeSocket,
    snapshots,
    watchCredentials: tracked.watch,
    tunnels,
    onResolved: (host, addresses) => learner.noticeResolved(host, addresses),
  });
  const knownIpset = openIpset();
  const learner = learnAddresses(config, { ipset: knownIpset, snapshots, guard: upstreams.guard, metrics, log });
  const ownAddresses = [config.leatAddresses.v4, config.leatAddresses.v6].filter((address) => address !== null);
  const podLinks = createPodLinks({ isFresh: () => source.staleSinceMs() === null, nowMs: () => performance.now() });
  const ports: ProxyPorts = {
    startRecord: createRecorder({
      log,
      metrics,
      clock,
      accessLogFor: (namespace) =>
        namespace === null ? 'All' : (snapshots.current()?.policy.forNamespace(namespace).accessLog ?? 'All'),
    }),
    readOriginalDestination: (downstream) => captured.originalDestinationOf(downstream),
    snapshots,
    names: {
      isSynthetic: synthetic.isSynthetic,
      hostOf: ({ address }) => synthetic.hostOf(address),
      resolvedHostsOf: learner.hostsOf,
    },
    forward: tunnels.watchForward(
      createForward(
        relayer,
        createPlanDial({ known: upstreams.known, guard: upstreams.guard, noteTunnel: tunnels.note }),
        upstreams.dial,
      ),
    ),
    readClientHello: (downstream) =>
      readClientHello(downstream, { timeoutMs: FIRST_BYTES_TIMEOUT_MS, signal: draining.signal }),
    readRequestHost: (downstream) =>
      readRequestHost(downstream, { timeoutMs: FIRST_BYTES_TIMEOUT_MS, signal: draining.signal }),
    serveHttp: upstreams.http.serve,
    holdsAddress: podLinks.holds,
    identifyTimeoutMs: IDENTIFY_TIMEOUT_MS,
    signal: draining.signal,
  };

  const probeTargets = [synthetic.selfTest.v4, synthetic.selfTest.v6].filter((address) => address !== null);
  const selfTest = createSelfTest({
    targets: probeTargets,
    readOriginalDestination: createReadOriginalDestination(ownAddresses),
  });
  const limit = new ConnectionLimit();
  const captured = acceptCaptured({
    ownAddresses,
    selfTest,
    tracker,
    handle: (downstream) => handleConnection(downstream, ports, limit),
  });
  const capturePort = await captured.listen(relayer, config.capturePort, config.leatAddresses.v6 !== null);

  const ipset = openIpset();
  const dns = await serveDns(config, {
    ipset,
    snapshots,
    synthetic,
    onResolved: learner.learnAnswer,
    metrics,
    log,
    isReady: () => readiness.isReady('source') && readiness.isReady('sets'),
    onBeat: () => readiness.ready('dns'),
  });
  const report = reportState(config, {
    log,
    staleSinceMs: () => source.staleSinceMs(),
    problemsInUse: () => [...tracked.problems(), ...tunnels.problems()],
  });
  const denied = guardDeny(createSetSync(ipset), () => readInitRecord(config.initStateDirectory));
  const source = followSource(config, {
    ask: upstreams.ask,
    list: upstreams.list,
    sets: denied,
    log,
    metrics,
    publish(snapshot, resources) {
      upstreams.applyPolicy(snapshot.policy);
      tracked.prune(snapshot);
      tunnels.prune(snapshot);
      podLinks.note(snapshot.workloads.all());
      snapshots.publish(snapshot);
      learner.prune();
      if (!readiness.isReady('source')) giveBackMemory();
      readiness.ready('source');
      report.noteSnapshot(snapshot, resources);
    },
    onCaptured: () => readiness.ready('sets'),
    onCaptureFailed: (reason) => readiness.notReady('sets', reason),
  });
  const proof = config.selfTest
    ? proveCapture(selfTest, {
        log,
        metrics,
        onProved() {
          readiness.ready('capture');
          report.noteSelfTest(null);
        },
        onFailed(reason) {
          readiness.notReady('capture', reason);
          report.noteSelfTest(reason);
        },
      })
    : null;
  const rules = watchRules({
    initStateDirectory: config.initStateDirectory,
    checkDeny: () => denied.check(),
    log,
    onGood: () => readiness.ready('rules'),
    onProblem: (reason) => readiness.notReady('rules', reason),
  });
  const admin = await startAdminServer({
    listen: config.admin,
    metricsText: () => metrics.registry.metrics(),
    notReady: () => readiness.reasons(),
    notes: () => source.notes(),
  });
  log.info({ capturePort, dns: dns.addresses, admin: config.admin }, 'the daemon serves');

  return {
    async stop() {
      readiness.notReady('draining', 'the daemon is being stopped');
      log.info({ open: tracker.size, drainMs: config.drainMs }, 'the daemon stops as soon as no connection is open');
      const deadlineMs = performance.now() + config.drainMs;
      // Its successor starts behind its end, on the same ports: until then the node has nobody else.
      upstreams.http.drain();
      await tracker.idle(config.drainMs);
      relayer.stopListening();
      proof?.stop();
      tracked.stop();
      tunnels.stop();
      await Promise.all([selfTest.stop(), source.stop(), rules.stop(), dns.stop()]);
      const { cut } = await tracker.drain(Math.max(0, deadlineMs - performance.now()), () => {
        draining.abort(new LeatError('DRAINED', 'the daemon stopped before the connection ended'));
        relayer.cut();
      });
      if (cut > 0) log.warn({ cut }, 'connections outlived the time to drain and were reset');
      await upstreams.close();
      relayer.stop();
      ipset.close();
      knownIpset.close();
      journal.close();
      admin.closeAllConnections();
      admin.close();
      await report.stop();
      log.info('the daemon has stopped');
      log.flush();
    },
  };
}
