// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import fc from 'fast-check';
import { Secret } from '../../daemon/destination/secret.ts';
import { LeatError } from '../../daemon/errors/leat-error.ts';
import { checkFraming } from '../../daemon/http/check-framing.ts';
import { checkHost, parseAuthority } from '../../daemon/http/check-host.ts';
import { enrichHeaders } from '../../daemon/http/enrich-headers.ts';
import { enrichPath } from '../../daemon/http/enrich-path.ts';
import { parseRequestTarget } from '../../daemon/http/request-target.ts';
import { rewriteLocation } from '../../daemon/http/rewrite-response.ts';
import { httpDestination, httpTarget } from '../support/destinations.ts';

const text = fc.oneof(fc.string({ unit: 'binary-ascii' }), fc.string({ unit: 'binary' }));
const name = fc.constantFrom(
  'Host',
  'host',
  'Content-Length',
  'Transfer-Encoding',
  'Connection',
  'X-Key',
  'x_key',
  'X-KEY',
  'Cookie',
  'TE',
);
const headers = fc.array(fc.tuple(name, text), { maxLength: 8 });

/** True, or the one kind of error that is allowed. */
function refuses(run: () => unknown): boolean {
  try {
    run();
    return false;
  } catch (error) {
    if (error instanceof LeatError && error.code !== 'INTERNAL') return true;
    throw error;
  }
}

test('framing: whatever comes is refused, or has one Host and one end', (t) => {
  fc.assert(
    fc.property(headers, fc.constantFrom('1.0', '1.1', '0.9', '2.0'), (fields, httpVersion) => {
      if (refuses(() => checkFraming({ method: 'POST', url: '/', httpVersion, headers: fields }))) return true;
      const count = (wanted: string) => fields.filter(([other]) => other.toLowerCase() === wanted).length;
      return count('host') === 1 && count('content-length') + count('transfer-encoding') <= 1;
    }),
  );
  t.pass();
});

test('targets: an accepted one is a path, or one authority without user', (t) => {
  const url = fc.oneof(
    text,
    text.map((tail) => `/${tail}`),
    text.map((tail) => `http://${tail}`),
  );
  fc.assert(
    fc.property(url, (candidate) => {
      if (refuses(() => parseRequestTarget('GET', candidate))) return true;
      const { path, authority } = parseRequestTarget('GET', candidate);
      return /^\/[\x21-\x7e]*$/.test(path) && !path.includes('#') && !(authority ?? '').includes('@');
    }),
  );
  t.pass();
});

test('hosts: only the name of the connection passes, in whatever spelling', (t) => {
  const target = httpTarget(httpDestination());
  const host = fc.oneof(
    text,
    fc.domain(),
    fc.constantFrom('erp.corp', 'ERP.corp.', 'erp.corp:80', 'erp.corp:81', 'erp.corp.'),
  );
  fc.assert(
    fc.property(host, (candidate) => {
      if (refuses(() => checkHost(candidate, target, { host: 'erp.corp', port: 80 }))) return true;
      return /^erp\.corp\.?(?::0*80)?$/i.test(candidate) && parseAuthority(candidate)?.host === 'erp.corp';
    }),
  );
  t.pass();
});

test('enriching: exactly one field of the credential leaves, and it is ours', (t) => {
  fc.assert(
    fc.property(headers, (fields) => {
      const sent = enrichHeaders(fields, {
        authority: 'erp.corp',
        requestId: 'r',
        staticHeaders: [],
        credentials: [{ name: 'X-Key', value: new Secret('ours') }],
      });
      const keys = sent.filter(([other]) => other.toLowerCase().replaceAll('_', '-') === 'x-key');
      const hosts = sent.filter(([other]) => other.toLowerCase() === 'host');
      return keys.length === 1 && keys[0]?.[1] === 'ours' && hosts.length === 1 && hosts[0]?.[1] === 'erp.corp';
    }),
  );
  t.pass();
});

test('queries: a value of mode set is the only one of its name, and the path before it is untouched', (t) => {
  const item = fc.stringMatching(/^[!-~]*$/).map((part) => part.replaceAll('#', ''));
  fc.assert(
    fc.property(item, fc.string(), (tail, value) => {
      const path = `/a?${tail}`;
      const sent = enrichPath(path, '/p', [{ name: 'key', value: new Secret(value), mode: 'set' }]);
      const query = new URLSearchParams(sent.slice(sent.indexOf('?') + 1));
      return sent.startsWith('/p/a?') && query.getAll('key').length === 1 && /^[\x21-\x7e]*$/.test(sent);
    }),
  );
  t.pass();
});

test('locations: a rewritten one leads to a name of the Destination', (t) => {
  const target = httpTarget(httpDestination(), { port: 443, tls: { serverName: null, ca: null } });
  const view = { target, route: { host: 'erp.corp', port: 80 }, askedAuthority: 'erp.corp' };
  const location = fc.oneof(
    text,
    text.map((tail) => `https://erp.corp${tail}`),
    fc.webUrl(),
  );
  fc.assert(
    fc.property(location, (candidate) => {
      const rewritten = rewriteLocation(candidate, view);
      return rewritten === candidate || new URL(rewritten).hostname === 'erp.corp';
    }),
  );
  t.pass();
});
