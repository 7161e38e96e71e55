// SPDX-License-Identifier: Apache-2.0
/** Requests whose head goes past their leg, as those to targets with TLS do: when it may be sent. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { FRAMING, HttpEngine, type LegPair, ROW } from '../../daemon/native/http-engine.ts';
import { takeSocket } from '../../daemon/relay/take-over.ts';
import { eventually } from '../support/until.ts';

const ANSWER = 'HTTP/1.1 200 OK\r\n\r\n';

/** A client of an engine, and a leg that ends here. `onHead` hears of the client's request. */
async function startEngine(t: ExecutionContext, onHead: (engine: HttpEngine, leg: LegPair, slot: number) => void) {
  const told: string[] = [];
  const names = new Map<number, string>(Object.entries(ROW).map(([name, row]) => [row, name]));
  const engine: HttpEngine = new HttpEngine({
    headerTimeoutMs: 5000,
    keepAliveMs: 5000,
    onRow(row, slot) {
      told.push(`${names.get(row)} ${slot === leg.slot ? 'upstream' : 'downstream'}`);
      if (row === ROW.asked) engine.feed(leg, Buffer.from(ANSWER), true);
      if (row !== ROW.head) return;
      if (slot === leg.slot)
        engine.answer(downstream, Buffer.from(ANSWER), { framing: FRAMING.none, bytes: 0 }, false, 5000);
      else onHead(engine, leg, slot);
    },
  });
  const leg = engine.adoptPair() as LegPair;
  const listener = createServer({ pauseOnConnect: true, allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const client = connect((listener.address() as AddressInfo).port, '127.0.0.1');
  const [accepted] = (await once(listener, 'connection')) as [Socket];
  const downstream = engine.adopt(takeSocket(accepted)?.fd ?? -1, 'downstream') as number;
  t.teardown(() => {
    client.destroy();
    listener.close();
    engine.shut();
  });
  client.write('GET / HTTP/1.1\r\n\r\n');
  return { client, told };
}

test('who asks ahead is told once the leg waits: an answer that comes from then on is that of the request', async (t) => {
  const { client, told } = await startEngine(t, (engine, leg, slot) => {
    engine.askAhead(slot, leg.slot, 5000, 5000);
    told.push('decided');
  });
  const [answer] = await once(client, 'data');
  t.is(String(answer), ANSWER);
  await eventually(() => told.length === 5);
  t.deepEqual(told, ['head downstream', 'decided', 'asked downstream', 'head upstream', 'done downstream']);
});

test('of a leg that can not be asked, the failure is told before: nothing has to be sent', async (t) => {
  const { told } = await startEngine(t, (engine, leg, slot) => {
    engine.feed(leg, Buffer.from('nobody asked for this'), true);
    engine.askAhead(slot, leg.slot, 5000, 5000);
  });
  await eventually(() => told.includes('asked downstream'));
  t.deepEqual(told, ['head downstream', 'failed downstream', 'ended upstream', 'asked downstream']);
});
