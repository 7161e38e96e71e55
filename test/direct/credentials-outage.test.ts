// SPDX-License-Identifier: Apache-2.0
/**
 * A token server that is away while an application sends 200 requests a second: none fails while its token is good, then
 * all fail fast with 503, and all is well within two seconds of its return. What Leat asks is counted at the token server.
 * `LEAT_LONG=1` keeps it away for five minutes; otherwise the same phases are some seconds long.
 */
import { Agent, get, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { startScene } from '../support/credentials-scene.ts';
import type { StrictServer } from '../support/strict-oauth-server.ts';
import { createUsers } from '../support/users.ts';

const isLong = process.env.LEAT_LONG === '1';
const phases = isLong
  ? { lifetimeSeconds: 60, goodMs: 90_000, awayMs: 300_000, afterMs: 10_000 }
  : { lifetimeSeconds: 4, goodMs: 4_500, awayMs: 5_500, afterMs: 2_500 };
const EVERY_MS = 5;
const RETURN_MS = 2_000;

interface Outcome {
  readonly startedMs: number;
  readonly endedMs: number;
  readonly status: number;
  readonly code: string;
}

/** Enough for 200 a second as long as none takes longer than 0.3 s: a machine that is starved must not pile them up. */
const MOST_AT_ONCE = 64;

/** Sends at its pace, whatever becomes of what was sent before. */
async function sendSteadily(port: number, untilMs: number, headersOf: (nth: number) => Record<string, string>) {
  const agent = new Agent({ keepAlive: true });
  const outcomes: Outcome[] = [];
  const running = new Set<Promise<void>>();
  const firstMs = performance.now();
  for (let nth = 0; performance.now() < untilMs; nth++) {
    await sleep(Math.max(0, firstMs + nth * EVERY_MS - performance.now()));
    if (running.size >= MOST_AT_ONCE) await Promise.race(running);
    const sent = send(port, agent, headersOf(nth)).then((outcome) => {
      outcomes.push(outcome);
      running.delete(sent);
    });
    running.add(sent);
  }
  await Promise.all(running);
  agent.destroy();
  return outcomes;
}

function send(port: number, agent: Agent, own: Record<string, string>): Promise<Outcome> {
  const startedMs = performance.now();
  const headers = { Host: 'erp.corp', ...own };
  return new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', path: '/orders', agent, headers }, (response: IncomingMessage) => {
      const { statusCode: status = 0, headers: received } = response;
      const code = String(received['x-error-internal-code'] ?? '');
      response.resume().once('end', () => resolve({ startedMs, endedMs: performance.now(), status, code }));
    }).once('error', reject);
  });
}

/** Lets the server take requests and give no token; how many are open at once is counted for each key. */
function takeAway(server: StrictServer, how: 'breaks off' | 'is silent', keyOf: (form: URLSearchParams) => string) {
  const open = new Map<string, number>();
  const most = new Map<string, number>();
  server.answer = (request) => {
    const key = keyOf(server.requests.at(-1)?.form ?? new URLSearchParams());
    const now = (open.get(key) ?? 0) + 1;
    open.set(key, now);
    most.set(key, Math.max(now, most.get(key) ?? 0));
    request.socket.once('close', () => open.set(key, (open.get(key) ?? 1) - 1));
    if (how === 'breaks off') request.socket.destroy();
  };
  return most;
}

/** No two attempts are closer than the back-off between them allows: 0.25 s doubled each time up to 1.5 s, half of it jitter. */
function checkBackOff(t: ExecutionContext, attemptsMs: readonly number[], key: string): void {
  for (const [index, atMs] of attemptsMs.slice(1).entries()) {
    const leastMs = Math.max(250, Math.min(1_500, 250 * 2 ** index) / 2);
    const gapMs = atMs - (attemptsMs[index] ?? 0);
    t.true(gapMs > leastMs - 20, `${key}: ${gapMs} ms between attempts ${index} and ${index + 1}, at least ${leastMs}`);
  }
}

/** Both ends note the time of a token request by themselves, and a busy machine lets one of them wait. */
const CLOCKS_MS = 500;
const USERS = ['ada', 'grace', 'edsger', 'barbara'];

for (const [how, type, timeoutMs] of [
  ['breaks off', 'OAuth2ClientCredentials', 10_000],
  ['breaks off', 'OAuth2JwtBearer', 10_000],
  ['is silent', 'OAuth2ClientCredentials', 500],
] as const) {
  // Alone: it measures time. The long version is for the first; the others show that it is no different with many keys.
  test.serial(`${type}: a token server that ${how} for a while`, async (t) => {
    if (isLong && (type !== 'OAuth2ClientCredentials' || how !== 'breaks off')) {
      t.pass('the short version shows it');
      return;
    }
    t.timeout(phases.goodMs + phases.awayMs + phases.afterMs + 60_000);
    const users = await createUsers();
    const tokens = await Promise.all(USERS.map((name) => users.token(name)));
    const isUsers = type === 'OAuth2JwtBearer';
    const scene = await startScene(t, {
      strict: { expiresInSeconds: phases.lifetimeSeconds, userKeys: users.keys },
      authentication: (oauth2) => ({ type, oauth2: { ...oauth2, timeoutMs } }),
    });
    const { server } = scene;
    const headersOf = (nth: number) => (isUsers ? { Authorization: `Bearer ${tokens[nth % tokens.length]}` } : {});
    const keyOf = (form: URLSearchParams): string => (isUsers ? (form.get('assertion') ?? '') : 'the client');

    // The code is cold: what it takes at first is no matter of tokens.
    for (let nth = 0; nth < 200; nth++)
      await scene.get(...Object.entries(headersOf(nth)).map((field) => field.join(': ')));
    server.requests.length = 0;
    const beganMs = performance.now();
    const awayAtMs = beganMs + phases.goodMs;
    const backAtMs = awayAtMs + phases.awayMs;
    const sending = sendSteadily(scene.lab.http.port, backAtMs + phases.afterMs, headersOf);
    await sleep(phases.goodMs);
    const askedBefore = server.requests.length;
    const most = takeAway(server, how, keyOf);
    await sleep(backAtMs - performance.now());
    server.answer = null;
    const askedUntilReturn = server.requests.length;
    const outcomes = await sending;

    // While a token is good: each key's last is used up to a tenth, or 5 s, before its end.
    const usableMs = phases.lifetimeSeconds * 1000 - Math.min(5_000, phases.lifetimeSeconds * 100);
    const lastIssued = new Map(server.requests.slice(0, askedBefore).map(({ form, atMs }) => [keyOf(form), atMs]));
    const firstEndMs = Math.min(...lastIssued.values()) + usableMs;
    const failed = outcomes.filter(({ status }) => status !== 200);
    const earliestMs = Math.min(...failed.map(({ endedMs }) => endedMs));
    t.true(
      earliestMs > firstEndMs - CLOCKS_MS,
      `a request failed ${firstEndMs - earliestMs} ms before a token could not be used`,
    );

    // Then: fast, and with the reason.
    t.true(failed.length > 100, `${failed.length} of ${outcomes.length} requests failed`);
    t.true(failed.every(({ status, code }) => status === 503 && code === 'CREDENTIAL_UNAVAILABLE'));
    const tookMs = failed.map(({ startedMs, endedMs }) => endedMs - startedMs).sort((a, b) => a - b);
    t.true((tookMs.at(-1) ?? 0) < 2_000, `the slowest failure took ${tookMs.at(-1)} ms`);
    t.true((tookMs[tookMs.length >> 1] ?? 0) < 200, `half of the failures took ${tookMs[tookMs.length >> 1]} ms`);

    // Afterwards: an attempt that began before the return may have to run into its deadline first.
    const deadlineMs = backAtMs + RETURN_MS + (how === 'is silent' ? timeoutMs : 0);
    const lastFailedMs = Math.max(...failed.map(({ startedMs }) => startedMs));
    t.true(
      lastFailedMs < deadlineMs,
      `the last failed request was sent ${lastFailedMs - backAtMs} ms after the return`,
    );

    // And what was asked: one at a time for each key, and one each step of the back-off.
    const attempts = Map.groupBy(server.requests.slice(askedBefore, askedUntilReturn), ({ form }) => keyOf(form));
    t.is(attempts.size, isUsers ? USERS.length : 1);
    for (const [key, ofKey] of attempts) {
      t.is(most.get(key), 1, 'one token request at a time');
      checkBackOff(
        t,
        ofKey.map(({ atMs }) => atMs),
        key.slice(0, 12),
      );
    }
    t.log(
      `${outcomes.length} requests in ${Math.round((performance.now() - beganMs) / 1000)} s, ${failed.length} failed with 503:`,
      `first ${Math.round(earliestMs - firstEndMs)} ms after the first token could not be used any more,`,
      `last ${Math.round(lastFailedMs - backAtMs)} ms after the return;`,
      `half within ${(tookMs[tookMs.length >> 1] ?? 0).toFixed(1)} ms, slowest ${Math.round(tookMs.at(-1) ?? 0)} ms;`,
      `${askedUntilReturn - askedBefore} token requests for ${attempts.size} key(s) while away`,
    );
  });
}
