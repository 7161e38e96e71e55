// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import fc from 'fast-check';
import type { Destination } from '../../../daemon/destination/destination.ts';
import { LeatError } from '../../../daemon/errors/leat-error.ts';
import type { HttpRoute } from '../../../daemon/routing/route.ts';
import { selectHttpTarget } from '../../../daemon/routing/select-http-target.ts';

const upstream = { host: 'up', port: 80, via: { kind: 'direct' }, connectTimeoutMs: 1 } as const;

function route(prefixes: readonly string[], upstreamPrefix = ''): HttpRoute {
  const targets = prefixes.map((pathPrefix) => ({
    pathPrefix,
    destination: {} as Destination,
    port: {
      port: 80,
      protocol: 'http',
      upstream: { host: null, port: 80, pathPrefix: upstreamPrefix, tls: null },
    } as const,
    upstream,
    tls: null,
  }));
  return { kind: 'http', host: 'erp', port: 80, targets };
}

const select = (prefixes: readonly string[], path: string): string | undefined =>
  selectHttpTarget(route(prefixes), path)?.pathPrefix;

const prefixes = ['/api/v1', '/api', '/'];

test('takes the first prefix that holds the path on whole segments', (t) => {
  t.is(select(prefixes, '/api/v1/x'), '/api/v1');
  t.is(select(prefixes, '/api/v1'), '/api/v1');
  t.is(select(prefixes, '/api/v12'), '/api');
  t.is(select(prefixes, '/api/'), '/api');
  t.is(select(prefixes, '/apix'), '/');
  t.is(select(prefixes, '/API'), '/');
  t.is(select(['/api/'], '/api'), '/api/');
});

test('passes over the query, whatever it holds', (t) => {
  t.is(select(prefixes, '/api?x=/../%zz'), '/api');
  t.is(select(prefixes, '/?/api/v1'), '/');
});

test('has no target for a path that no prefix holds', (t) => {
  t.is(select(['/api'], '/other'), undefined);
  t.is(select([], '/'), undefined);
});

test('takes encoded letters for what they are', (t) => {
  t.is(select(prefixes, '/%61pi/x'), '/api');
  t.is(select(['/%7euser', '/'], '/~user/x'), '/%7euser');
});

const ambiguous = [
  '/api/../admin',
  '/x/../api',
  '/api/%2e%2e/admin',
  '/api/.%2E/admin',
  '/api/..%2fadmin',
  '/x%2f..%2fapi',
  '/api/..;/admin',
  '/api/..;x=1/admin',
  '/api;x=1/y',
  '//api/x',
  '/./api',
  '/%2e/api',
  '\\api',
  '/\\api',
  '/%5capi',
  '/%2fapi',
  '/api%2fv1',
  '/api\\v1',
  '/api/./v1',
  '/api//v1',
  '/x//../api',
  '/api%',
  '/api/%zz',
  '/api/%00',
  '/api/%0d%0aX',
];

for (const path of ambiguous) {
  test(`refuses ${path}, which servers read in more than one way`, (t) => {
    t.throws(() => select(prefixes, path), { code: 'REQUEST_MALFORMED' });
  });
}

test('lets an odd path pass where every reading chooses the same target', (t) => {
  t.is(select(prefixes, '/api/a%2Fb'), '/api');
  t.is(select(prefixes, '/api/a//b'), '/api');
  t.is(select(prefixes, '/api/a/../b'), '/api');
  t.is(select(prefixes, '/api/srv;v=2;o=X/set'), '/api');
  t.is(select(prefixes, '/x//y'), '/');
  t.is(select(['/'], '/api/../%zz'), '/');
});

test('refuses a path that climbs out of the prefix that the upstream gets in front', (t) => {
  const behind = route(['/'], '/tenant-a');
  for (const path of [
    '/../tenant-b',
    '/%2e%2e/tenant-b',
    '/x/../../tenant-b',
    '/..;/tenant-b',
    '/..%2ftenant-b',
    '//../../x',
  ]) {
    t.throws(() => selectHttpTarget(behind, path), { code: 'REQUEST_MALFORMED' }, path);
  }
  t.is(selectHttpTarget(behind, '/x/../y')?.pathPrefix, '/');
});

test("throws the chosen target's problem, and no other's", (t) => {
  const problem = new LeatError('SECRET_NOT_FOUND', 'there is no Secret "x"');
  const { targets, ...rest } = route(['/api', '/']);
  const [api, root] = targets;
  if (api === undefined || root === undefined) throw new Error('two targets were made');
  const withProblem: HttpRoute = { ...rest, targets: [{ ...api, problem }, root] };
  t.throws(() => selectHttpTarget(withProblem, '/api/x'), { is: problem });
  t.is(selectHttpTarget(withProblem, '/x')?.pathPrefix, '/');
});

test('whatever is let pass has the target that a server which normalises the path would serve', (t) => {
  const piece = fc.constantFrom('/', '//', '..', '.', '%2e', '%2f', ';x', 'api', 'v1', 'a', '\\', '%61pi');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const path = `/${pieces.join('')}`;
      let target: string | undefined;
      try {
        target = select(prefixes, path);
      } catch (error) {
        t.is((error as LeatError).code, 'REQUEST_MALFORMED');
        return;
      }
      // As WHATWG URL resolves, which takes `\` for a slash and %2e for a dot, but keeps doubled slashes.
      const { pathname } = new URL(`http://x${path}`);
      t.is(select(prefixes, decodeURIComponent(pathname).replace(/\/{2,}/g, '/')), target, path);
    }),
    {
      numRuns: 1000,
      examples: [
        [['..', '/', 'api', '%2f', '..']],
        [['.', '\\', 'api', '%2f', '..']],
        [['%2e', '//', 'api', '//', '..']],
      ],
    },
  );
});
