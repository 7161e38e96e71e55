// SPDX-License-Identifier: Apache-2.0
/** Destinations that are entries of SAP's Destination service, seen from a pod. */
import test from 'ava';
import { createAuthority } from '../support/certificates.ts';
import { type Entry, startDestinationService } from '../support/destination-service.ts';
import { createLab } from '../support/lab.ts';
import { startNginx } from '../support/nginx.ts';
import { secret } from '../support/resources.ts';
import { until } from '../support/until.ts';
import { ADDRESSES, documents, makeWorld, SHOP_WITH_PODS } from '../support/world.ts';

const SERVICE = 'destination.service.test';
const [HERE] = ADDRESSES.internet;

function entry(name: string, host: string, Authentication: string, more: Record<string, string> = {}): Entry {
  const properties = {
    Name: name,
    Type: 'HTTP',
    URL: `http://${host}`,
    ProxyType: 'Internet',
    Authentication,
    ...more,
  };
  return { properties };
}

function from(name: string, spec: object = {}): object {
  return {
    apiVersion: 'leat.dev/v1alpha1',
    kind: 'Destination',
    metadata: { name: name.toLowerCase(), namespace: 'shop' },
    spec: { from: { name }, workloads: { all: true }, allowCleartext: true, ...spec },
  };
}

const hosts = ['basic', 'token', 'user', 'late', 'imported', 'kept'].map((name): [string, string[]] => [
  `${name}.partner.test`,
  [HERE],
]);

test('a pod reaches targets whose Destinations are kept in a Destination service, through an outage of it', async (t) => {
  const lab = await createLab('service');
  t.teardown(() => lab.dispose());
  const world = await makeWorld(lab, { hosts: { ...Object.fromEntries(hosts), [SERVICE]: [HERE] } });
  await startNginx(world.internet, { port: 80 });
  const authority = await createAuthority(world.internet);
  const entries = [
    entry('BASIC', 'basic.partner.test/base', 'BasicAuthentication', { User: 'shop', Password: 'pass word' }),
    entry('TOKEN', 'token.partner.test', 'OAuth2ClientCredentials', { 'URL.headers.x-from': 'entry' }),
    entry('USER', 'user.partner.test', 'OAuth2JWTBearer'),
    entry('KEPT', 'kept.partner.test', 'BasicAuthentication', { User: 'shop', Password: 'pass word' }),
  ];
  const imported = entry('IMPORTED', 'imported.partner.test', 'OAuth2ClientCredentials');
  const service = await startDestinationService(world.internet, {
    authority,
    host: SERVICE,
    entries: [...entries, imported],
  });
  const source = (requestMs: number): object => ({
    apiVersion: 'leat.dev/v1alpha1',
    kind: 'DestinationSource',
    metadata: { name: 'btp' },
    spec: {
      default: true,
      binding: { secret: 'binding', jsonKey: 'credentials' },
      tenantMode: 'dedicated',
      ca: { name: 'ca', key: 'ca.crt' },
      allow: [{ namespaces: { names: ['shop'] }, destinationNames: ['*'], levels: ['instance', 'subaccount'] }],
      import: [
        { level: 'subaccount', names: ['IMPORTED'], allowCleartext: true },
        { level: 'subaccount', names: ['KEPT'] },
      ],
      timeouts: { requestMs },
    },
  });
  const sourceYaml = (requestMs: number): string =>
    documents(
      source(requestMs),
      secret('leat-system/binding', { credentials: JSON.stringify(service.binding) }),
      secret('leat-system/ca', { 'ca.crt': authority.certificate }),
    );
  const leat = await world.startLeat({
    resources: {
      'shop.yaml': SHOP_WITH_PODS,
      'source.yaml': sourceYaml(10_000),
      'from.yaml': documents(
        from('BASIC'),
        from('TOKEN'),
        from('USER'),
        from('GONE', { hosts: ['late.partner.test'] }),
      ),
    },
  });
  const get = async (url: string, ...options: string[]) => {
    const { stdout } = await world.pods.bridged.run(['curl', '-sS', '-m', '10', ...options, url]);
    return stdout;
  };
  const refusalOf = (url: string) => get(url, '-o', '/dev/null', '-w', '%{http_code} %header{x-error-internal-code}');
  await until('the entries are known', async () =>
    (await leat.metrics()).includes('leat_destinations{ready="true"} 5'),
  );

  t.like(JSON.parse(await get('http://basic.partner.test/orders')), {
    uri: '/base/orders',
    authorization: `Basic ${btoa('shop:pass word')}`,
  });
  const askImported = async () => JSON.parse(await get('http://imported.partner.test/')).authorization;
  const AS_TECHNICAL = /^Bearer for-technical-\d+$/;
  t.regex(await askImported(), AS_TECHNICAL, 'nobody wrote a Destination for it');
  await service.control({ replace: [...entries, entry('IMPORTED', 'u:p@imported.partner.test', 'NoAuthentication')] });
  // What a source asks with is another: it is asked at once.
  await leat.write('source.yaml', sourceYaml(9_000));
  let passed = '';
  await until('the entry is not used any more', async () => {
    passed = await get('http://imported.partner.test/');
    return !passed.startsWith('{') || !AS_TECHNICAL.test(JSON.parse(passed).authorization);
  });
  t.regex(passed, /^DESTINATION_URL_INVALID: /, 'its host is held: nothing goes there without its credential');
  t.is(await refusalOf('http://imported.partner.test/'), '502 DESTINATION_URL_INVALID');
  await service.control({ replace: [...entries, imported] });
  await leat.write('source.yaml', sourceYaml(8_000));
  await until('the entry is used again', async () => (await refusalOf('http://imported.partner.test/')) === '200 ');

  const { authorization } = JSON.parse(await get('http://token.partner.test/'));
  t.regex(authorization, AS_TECHNICAL);
  const user = JSON.parse(await get('http://user.partner.test/', '-H', 'Authorization: Bearer user-a'));
  t.regex(user.authorization, /^Bearer for-user-a-\d+$/, "the user's own token goes to the service alone");
  t.is(await get('http://user.partner.test/', '-o', '/dev/null', '-w', '%{http_code}'), '400');

  t.is(await refusalOf('http://kept.partner.test/'), '403 CLEARTEXT_REFUSED');
  t.is(await refusalOf('http://late.partner.test/'), '502 404', "in SAP's words: `docs/gateway.md`");

  await service.stop();
  t.is(
    JSON.parse(await get('http://token.partner.test/')).authorization,
    authorization,
    'the token outlives the outage',
  );
  t.like(await leat.record({ record: 'request', destination: 'Destination shop/token' }), {
    status: 200,
    authentication: 'DestinationService',
  });

  await leat.stop();
  await leat.launch();
  t.regex(
    await get('http://imported.partner.test/'),
    /^DESTINATION_(ENTRY_PENDING|SERVICE_UNAVAILABLE): /,
    'after a restart its host is known, and held as well',
  );
  for (const known of ['pass word', 'service-secret', authorization.slice('Bearer '.length), 'user-a']) {
    t.false(leat.output().includes(known), known);
  }
});
