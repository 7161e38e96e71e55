// SPDX-License-Identifier: Apache-2.0
import test, { type ExecutionContext } from 'ava';
import { createEntryStore } from '../../daemon/destination-service/entry-store.ts';
import type { FollowTimes } from '../../daemon/destination-service/follow-store.ts';
import type { Entry } from '../support/destination-service.ts';
import { makeServiceLab, type ServiceLabOptions } from '../support/service-lab.ts';
import { until } from '../support/until.ts';

const CRM: Entry = {
  properties: { Name: 'crm', Type: 'HTTP', URL: 'https://crm.example/v1', Authentication: 'NoAuthentication' },
};
const MOVED: Entry = { properties: { ...CRM.properties, URL: 'https://moved.example' } };

async function arrange(
  t: ExecutionContext,
  { times = { refreshMs: 100, retryMs: [50, 100] }, ...options }: ServiceLabOptions & { times?: FollowTimes },
) {
  const lab = await makeServiceLab(t, options);
  const seen = { changes: 0, failures: [] as string[], stale: 0 };
  const store = createEntryStore({
    ask: lab.ask,
    onChange: () => {
      seen.changes += 1;
    },
    onFailure: (_lookup, { code }, isStale) => {
      seen.failures.push(code);
      if (isStale) seen.stale += 1;
    },
    times,
  });
  t.teardown(() => store.stop());
  const lookup = lab.lookup({ name: 'crm' });
  const hostOf = () => {
    const fetched = store.foundOf(lookup);
    if (fetched === null) return null;
    return 'entry' in fetched ? fetched.entry.host : fetched.problem.code;
  };
  return { ...lab, store, seen, found: lookup, hostOf };
}

test('an entry is fetched ahead, and looked at again without being told as a change', async (t) => {
  const { store, seen, found, hostOf, server } = await arrange(t, { entries: [CRM] });
  t.is(hostOf(), null);
  store.follow([found]);
  await until('it is known', () => hostOf() === 'crm.example');
  await until('it is looked at again', async () => (await server.calls()).length >= 3);
  t.is(seen.changes, 1);
});

test('a change is seen, and an entry that is gone is gone', async (t) => {
  const { store, found, hostOf, server } = await arrange(t, { entries: [CRM] });
  store.follow([found]);
  await until('it is known', () => hostOf() === 'crm.example');
  await server.control({ replace: [MOVED] });
  await until('the change is seen', () => hostOf() === 'moved.example');
  await server.control({ replace: [] });
  await until('its end is seen', () => hostOf() === 'DESTINATION_ENTRY_NOT_FOUND');
  t.pass();
});

test('what was fetched goes on being used while the service, or its token service, is down', async (t) => {
  const { store, seen, found, hostOf, server } = await arrange(t, { entries: [CRM] });
  store.follow([found]);
  await until('it is known', () => hostOf() === 'crm.example');
  await server.control({ status: 500 });
  await until('the outage is seen', () => seen.stale >= 2);
  t.is(hostOf(), 'crm.example');
  await server.control({ revokeAll: true, tokenStatus: 500 });
  const before = seen.stale;
  await until('the outage of the token service is seen', () => seen.stale > before);
  t.is(hostOf(), 'crm.example');
  t.is(seen.changes, 1);
  await server.control({ replace: [MOVED] });
  await until('it recovers', () => hostOf() === 'moved.example', 20_000);
});

test('a service that was never reached is told, and asked until it is', async (t) => {
  const { store, found, hostOf, server } = await arrange(t, { entries: [CRM] });
  await server.control({ status: 500 });
  store.follow([found]);
  await until('the failure is told', () => hostOf() === 'DESTINATION_SERVICE_UNAVAILABLE');
  await server.control({});
  await until('it recovers', () => hostOf() === 'crm.example');
  t.pass();
});

test('an entry that can not be used is told with the reason', async (t) => {
  const rfc: Entry = { properties: { Name: 'crm', Type: 'RFC' } };
  const { store, seen, found, hostOf } = await arrange(t, { entries: [rfc] });
  store.follow([found]);
  await until('it is told', () => hostOf() === 'DESTINATION_ENTRY_UNSUPPORTED');
  t.is(seen.stale, 0);
});

test('a renewed binding is used at once, and what was fetched with the old one stays until then', async (t) => {
  const { store, seen, found, hostOf, server } = await arrange(t, {
    entries: [CRM],
    times: { refreshMs: 60_000, retryMs: [60_000, 60_000] },
  });
  store.follow([found]);
  await until('it is known', () => hostOf() === 'crm.example');
  await server.control({ replace: [MOVED] });
  const renewed = { ...found, service: { ...found.service, requestTimeoutMs: 1999 } };
  store.follow([renewed]);
  t.is(hostOf(), 'crm.example');
  await until('it is looked at with the new one', () => hostOf() === 'moved.example');
  store.follow([{ ...renewed, service: { ...renewed.service } }]);
  t.is(seen.changes, 2);
  t.is((await server.calls()).length, 2, 'a binding that says the same is no reason to look');
});

test('what nobody names any more is forgotten, and not asked for', async (t) => {
  const { store, found, hostOf, server } = await arrange(t, { entries: [CRM] });
  store.follow([found]);
  await until('it is known', () => hostOf() === 'crm.example');
  store.follow([]);
  t.is(hostOf(), null);
  const before = (await server.calls()).length;
  await new Promise((resolve) => setTimeout(resolve, 400));
  t.true((await server.calls()).length <= before + 1);
});
