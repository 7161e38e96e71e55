// SPDX-License-Identifier: Apache-2.0
/** The Destination service's client as the daemon wires it, against a service on loopback. */
import type { ExecutionContext } from 'ava';
import type { Secret } from '../../api/kinds/core.ts';
import type { DestinationSource } from '../../api/kinds/destination-source.ts';
import { parseResource } from '../../api/parse-resource.ts';
import { createCredentialSource } from '../../daemon/credentials/credential-source.ts';
import { createTokenClient } from '../../daemon/credentials/token-client.ts';
import { compileFrom } from '../../daemon/destination/compile-from.ts';
import { compileSource, type SourceAccess } from '../../daemon/destination/compile-source.ts';
import type { ServiceLookup } from '../../daemon/destination/destination.ts';
import { createSecretReaders } from '../../daemon/destination/release-secret.ts';
import { type AskService, createAskService } from '../../daemon/destination-service/ask-service.ts';
import { createListEntries, type ListEntries } from '../../daemon/destination-service/list-entries.ts';
import { systemClock } from '../../daemon/net/clock.ts';
import { namespaceLabels } from '../../daemon/workload/select-namespaces.ts';
import { createAuthority } from './certificates.ts';
import { connectLoopback } from './connect-loopback.ts';
import {
  type DestinationServiceOptions,
  type DestinationServiceServer,
  startDestinationService,
} from './destination-service.ts';
import { noteSecretsOf } from './evidence.ts';
import { createLab } from './lab.ts';
import { secret } from './resources.ts';

export interface ServiceLab {
  readonly server: DestinationServiceServer;
  readonly ask: AskService;
  readonly list: ListEntries;
  readonly source: SourceAccess;
  /** What that was compiled from. */
  readonly resources: { readonly source: DestinationSource; readonly secrets: readonly Secret[] };
  /** Of `Destination.spec.from`. */
  lookup(from: object): ServiceLookup;
}

export interface ServiceLabOptions extends Partial<Omit<DestinationServiceOptions, 'authority' | 'host'>> {
  readonly form?: 'json' | 'multi-key';
  readonly requestMs?: number;
}

export const NEVER = new AbortController().signal;

export async function makeServiceLab(t: ExecutionContext, options: ServiceLabOptions = {}): Promise<ServiceLab> {
  const lab = await createLab(t.title);
  t.teardown(() => lab.dispose());
  const { form = 'json', requestMs = 10_000, ...rest } = options;
  const authority = await createAuthority(lab.loopback);
  const host = 'destination.service.test';
  const server = await startDestinationService(lab.loopback, { entries: [], ...rest, authority, host });
  const inForm = (fields: Readonly<Record<string, string>>) =>
    form === 'json' ? { credentials: JSON.stringify(fields) } : fields;
  const named = (name: string) => ({ secret: name, ...(form === 'json' ? { jsonKey: 'credentials' } : {}) });
  const parsed = parseResource({
    apiVersion: 'leat.dev/v1alpha1',
    kind: 'DestinationSource',
    metadata: { name: 'btp' },
    spec: {
      default: true,
      binding: {
        ...named('binding'),
        ...(rest.ias === true ? { identity: named('identity') } : {}),
        ...(rest.x509 === 'attested' ? { certificateFiles: { certificate: 'svid.pem', key: 'svid_key.pem' } } : {}),
      },
      tenantMode: 'dedicated',
      ca: { name: 'ca', key: 'ca.crt' },
      allow: [
        {
          namespaces: { names: ['shop'] },
          destinationNames: ['*'],
          levels: ['subaccount', 'instance', 'provider_subaccount', 'provider_instance'],
          fragmentNames: ['*'],
          chainNames: ['*'],
        },
      ],
      timeouts: { requestMs },
    },
  });
  if (!parsed.ok || parsed.resource.kind !== 'DestinationSource') throw new Error(JSON.stringify(parsed));
  const secrets = [
    secret('leat-system/binding', inForm(server.binding)),
    secret('leat-system/identity', inForm(server.identityKey)),
    secret('leat-system/ca', { 'ca.crt': authority.certificate }),
  ];
  noteSecretsOf(secrets);
  const files = new Map([
    ['svid.pem', server.client.certificate],
    ['svid_key.pem', server.client.key],
  ]);
  const readSecret = createSecretReaders(secrets)('leat-system');
  const source = compileSource(parsed.resource, readSecret, namespaceLabels([]), files);
  if ('problem' in source.resolved) throw source.resolved.problem;
  const tokens = createCredentialSource({
    clock: systemClock,
    verify: async () => {
      throw new Error('nobody is verified here');
    },
    fetchToken: createTokenClient({ clock: systemClock, connect: (host, port) => connectLoopback(host, port) }),
  });
  t.teardown(() => tokens.close());
  const access = { connect: connectLoopback, tokenFor: tokens.tokenFor };
  return {
    server,
    ask: createAskService(access),
    list: createListEntries(access),
    source,
    resources: { source: parsed.resource, secrets },
    lookup(from) {
      const spec = { from: from as never, workloads: { all: true as const } };
      const sources = new Map([['btp', source]]);
      const { lookup, parts } = compileFrom(spec, 'shop', {
        sources,
        tunnels: new Map(),
        entryOf: () => null,
        secretsOf: createSecretReaders([]),
        leatNamespace: 'leat-system',
      });
      if (lookup === null) throw parts.resolved.ready ? new Error('no lookup') : parts.resolved.problem;
      return lookup;
    },
  };
}
