// SPDX-License-Identifier: Apache-2.0
import test, { type ExecutionContext } from 'ava';
import { importOf, lookUpImported } from '../../daemon/destination/look-up-import.ts';
import { createImportStore } from '../../daemon/destination-service/import-store.ts';
import { createAuthority } from '../support/certificates.ts';
import type { Entry } from '../support/destination-service.ts';
import { createLab } from '../support/lab.ts';
import { makeServiceLab, NEVER, type ServiceLabOptions } from '../support/service-lab.ts';
import { until } from '../support/until.ts';

function entry(name: string, more: Record<string, string> = {}, level?: string): Entry {
  const properties = { Name: name, Type: 'HTTP', URL: `https://${name}.example`, Authentication: 'NoAuthentication' };
  return { properties: { ...properties, ...more }, ...(level === undefined ? {} : { level }) };
}

const many = (count: number) =>
  Array.from({ length: count }, (_, index) => entry(`e${String(index).padStart(4, '0')}`));

async function arrange(
  t: ExecutionContext,
  options: ServiceLabOptions,
  level: 'subaccount' | 'instance' = 'subaccount',
) {
  const lab = await makeServiceLab(t, options);
  if ('problem' in lab.source.resolved) throw lab.source.resolved.problem;
  const asked = importOf(lab.source.resolved.service, level);
  const seen = { changes: 0, failures: [] as string[] };
  const store = createImportStore({
    list: lab.list,
    onChange: () => {
      seen.changes += 1;
    },
    onFailure: (_asked, { code }, isStale) => seen.failures.push(`${code} ${isStale}`),
    times: { refreshMs: 100, retryMs: [50, 100] },
  });
  t.teardown(() => store.stop());
  const found = () => {
    const fetched = store.foundOf(asked);
    return fetched !== null && 'entries' in fetched ? fetched : null;
  };
  const nameAndHost = () =>
    found()?.entries.map(({ name, fetched }) => [name, 'entry' in fetched ? fetched.entry.host : fetched.problem.code]);
  return { ...lab, asked, store, seen, found, nameAndHost };
}

for (const countsPages of [true, false]) {
  test(`all entries of a level come page by page, ${countsPages ? 'counted' : 'until one is not full'}`, async (t) => {
    const { list, asked, server } = await arrange(t, { entries: [...many(250), entry('own', {}, 'instance')] });
    await server.control(countsPages ? {} : { countsPages });
    const { entries, isCut } = await list(asked, NEVER);
    t.is(entries.length, 250);
    t.false(isCut);
    t.deepEqual(
      (await server.calls()).map(({ path }) => path),
      [1, 2, 3].map(
        (page) => `/destination-configuration/v1/subaccountDestinations?$page=${page}&$pageSize=100&$pageCount=true`,
      ),
    );
    const instance = await list({ ...asked, level: 'instance' }, NEVER);
    t.deepEqual(
      instance.entries.map(({ configuration }) => configuration.Name),
      ['own'],
    );
  });
}

test('no more than 1,000 of a level are taken, and that is said', async (t) => {
  const { list, asked, server } = await arrange(t, { entries: many(1001) });
  const { entries, isCut } = await list(asked, NEVER);
  t.is(entries.length, 1000);
  t.true(isCut);
  t.is((await server.calls()).length, 10);
  await server.control({ replace: many(1000) });
  t.false((await list(asked, NEVER)).isCut);
});

test('certificates that entries name are fetched once each, an instance’s also from its subaccount', async (t) => {
  const lab = await createLab(t.title);
  t.teardown(() => lab.dispose());
  const authority = await createAuthority(lab.loopback);
  const client = await authority.issueClient('shop');
  const inBase64 = (text: string) => Buffer.from(text).toString('base64');
  const stores = {
    Authentication: 'ClientCertificateAuthentication',
    KeyStoreLocation: 'own.pem',
    TrustStoreLocation: 'corp ca.crt',
  };
  const own = { Name: 'own.pem', Content: inBase64(client.key + client.certificate), Type: 'CERTIFICATE' };
  const ca = { Name: 'corp ca.crt', Content: inBase64(authority.certificate), Type: 'CERTIFICATE' };
  const { store, asked, found, server } = await arrange(
    t,
    {
      entries: [
        { ...entry('a', stores, 'instance'), certificates: [own] },
        entry('b', stores, 'instance'),
        { ...entry('elsewhere'), certificates: [ca] },
        entry('c', { ...stores, KeyStoreLocation: 'gone.pem' }, 'instance'),
      ],
    },
    'instance',
  );
  store.follow([asked]);
  await until('they are known', () => found() !== null);
  const [a, b, c] = found()?.entries ?? [];
  for (const one of [a, b]) {
    t.true(
      one !== undefined && 'entry' in one.fetched && one.fetched.entry.authentication.type === 'ClientCertificate',
    );
  }
  t.like(c?.fetched, { problem: { code: 'DESTINATION_ENTRY_INVALID' } });
  const asking = (await server.calls()).map(({ path }) => path.replace('/destination-configuration/v1/', ''));
  t.deepEqual(asking.slice(1, 6).sort(), [
    'instanceCertificates/corp%20ca.crt',
    'instanceCertificates/gone.pem',
    'instanceCertificates/own.pem',
    'subaccountCertificates/corp%20ca.crt',
    'subaccountCertificates/gone.pem',
  ]);
});

test('what is imported follows the service, and stays while it is down', async (t) => {
  const { store, asked, found, nameAndHost, seen, server } = await arrange(t, {
    entries: [entry('crm'), entry('odd', { Type: 'RFC' }), entry('erp\u0001')],
  });
  store.follow([asked]);
  await until('they are known', () => found() !== null);
  t.deepEqual(nameAndHost(), [
    ['crm', 'crm.example'],
    ['odd', 'DESTINATION_ENTRY_UNSUPPORTED'],
    ['erp?', 'DESTINATION_ENTRY_INVALID'],
  ]);
  await until('they are looked at again', async () => (await server.calls()).length >= 3);
  t.is(seen.changes, 1, 'the same again is no change');
  await server.control({ status: 500 });
  await until('the outage is seen', () => found()?.isStale === true);
  t.is(nameAndHost()?.length, 3);
  t.is(seen.failures[0], 'DESTINATION_SERVICE_UNAVAILABLE true');
  await server.control({ replace: [entry('crm', { URL: 'https://moved.example' })] });
  await until('it recovers', () => found()?.isStale === false && nameAndHost()?.length === 1);
  t.deepEqual(nameAndHost(), [['crm', 'moved.example']]);
});

test('a service that was never reached is told, and so is one that answers what is no list', async (t) => {
  const { store, asked, found, seen, server } = await arrange(t, { entries: [entry('crm')] });
  await server.control({ tokenStatus: 503 });
  store.follow([asked]);
  await until('it is told', () => seen.failures.length > 0);
  t.is(seen.failures[0], 'DESTINATION_SERVICE_UNAVAILABLE false');
  t.is(found(), null);
  await server.control({ html: true });
  await until('it is told', () => seen.failures.includes('DESTINATION_ENTRY_INVALID false'));
  await server.control({});
  await until('it is read', () => found() !== null);
  t.pass();
});

test('the token of an imported entry is got by consume at its level', async (t) => {
  const oauth = { Authentication: 'OAuth2ClientCredentials' };
  const { ask, asked, server } = await arrange(t, { entries: [entry('crm', oauth), entry('crm', oauth, 'instance')] });
  const { tokens } = await ask(lookUpImported(asked, 'crm'), { withTokens: true, callerHeaders: [] }, NEVER);
  t.is(tokens.length, 1);
  t.is((await server.calls())[0]?.path, '/destination-configuration/v2/destinations/crm@subaccount');
});

test('with a token of IAS the subaccount is listed, and tokens are got by find', async (t) => {
  const oauth = { Authentication: 'OAuth2ClientCredentials' };
  const { ask, list, asked, server } = await arrange(t, { entries: [entry('crm', oauth)], ias: true });
  t.is((await list(asked, NEVER)).entries.length, 1);
  const { tokens } = await ask(lookUpImported(asked, 'crm'), { withTokens: true, callerHeaders: [] }, NEVER);
  t.is(tokens.length, 1);
  t.is((await server.calls())[1]?.path, '/destination-configuration/v1/destinations/crm');
});
