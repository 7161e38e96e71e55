// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import fc from 'fast-check';
import { Secret } from '../../daemon/destination/secret.ts';
import { httpDestination, httpRoute, httpTarget } from '../support/destinations.ts';
import { FRAMING_CASES } from '../support/framing-cases.ts';
import { rawField, sendRaw, startHttpLab, startUpstream } from '../support/http-lab.ts';
import { eventually } from '../support/until.ts';

const good = [
  'GET /a HTTP/1.1\r\nHost: erp.corp\r\n\r\n',
  'POST /b HTTP/1.1\r\nHost: erp.corp\r\nContent-Length: 3\r\n\r\nabc',
  'POST /c HTTP/1.1\r\nHost: erp.corp\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  'GET /d HTTP/1.1\r\nHost: erp.corp\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
];
const bad = FRAMING_CASES.map((each) => each.bytes).filter((each) => each.length < 1000);
const whole = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...good) },
  { weight: 1, arbitrary: fc.constantFrom(...bad) },
);
const junk = fc.constantFrom(
  '\r',
  '\n',
  '\r\n',
  ' ',
  '\t',
  ':',
  '\0',
  '\x0b',
  ',',
  ';',
  '0',
  'Host: evil.example\r\n',
  'chunked',
  '\xff',
);

/** Requests, one behind the other, with pieces put in and bytes taken out anywhere. */
const bytes = fc
  .tuple(
    fc.array(whole, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('')),
    fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), junk, fc.nat(3)), { maxLength: 3 }),
  )
  .map(([text, edits]) =>
    edits.reduce((seen, [place, piece, removed]) => {
      const at = Math.floor(place * seen.length);
      return seen.slice(0, at) + piece + seen.slice(at + removed);
    }, text),
  );

test('whatever bytes come, the upstream is asked for its own host alone, and each record ends once', async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    request.on('error', () => {});
    request.resume().on('end', () => response.end('ok'));
  });
  const lab = await startHttpLab(t, httpRoute([httpTarget(httpDestination())]), upstream.port, {
    credentials: {
      headersFor: async () => [{ name: 'Authorization', value: new Secret('Bearer good') }],
      rejected: async () => false,
    },
  });
  let connections = 0;
  await fc.assert(
    fc.asyncProperty(bytes, async (text) => {
      connections += 1;
      const { ended } = await sendRaw(lab.port, text, { half: true });
      if (ended === 'open') throw new Error('the connection was left open');
      await eventually(() => lab.connections.length === connections);
      const bad = upstream.heads.find(
        ({ headers }) =>
          rawField(headers, 'host') !== 'erp.corp' || rawField(headers, 'authorization') !== 'Bearer good',
      );
      if (bad !== undefined) throw new Error(`the upstream saw ${JSON.stringify(bad)}`);
      const record = lab.records.find(({ ends }) => ends.length !== 1);
      if (record !== undefined) throw new Error(`a record ended ${record.ends.length} times`);
      const internal = lab.records.find(({ ends }) => ends[0]?.error?.code === 'INTERNAL');
      if (internal !== undefined) throw new Error(`a defect of ours: ${internal.ends[0]?.error?.message}`);
    }),
    { numRuns: 300 },
  );
  t.true(upstream.heads.length > 50);
});
