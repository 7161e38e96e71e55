// SPDX-License-Identifier: Apache-2.0
import type { Authority, Certificate } from './certificates.ts';
import type { Place } from './place.ts';
import {
  eventsOf,
  type ListenOptions,
  type ListensAt,
  listenAt,
  type StartedServer,
  startNodeServer,
} from './server.ts';
import { until } from './until.ts';

/** An entry as the service keeps it. */
export interface Entry {
  readonly properties: Record<string, string>;
  /** Default subaccount. */
  readonly level?: string;
  readonly certificates?: readonly { readonly Name: string; readonly Content: string; readonly Type: string }[];
  readonly labels?: readonly { readonly key: string; readonly values: readonly string[] }[];
  /** The service gives this in place of a token. */
  readonly tokenError?: string;
  /** Default "3600"; null: it says nothing. */
  readonly expiresIn?: string | null;
  /** Header that carries the token; default Authorization. */
  readonly headerName?: string;
}

export interface TenantOfService {
  readonly id: string;
  /** Whether it subscribed to the application of the binding. */
  readonly isSubscribed: boolean;
  readonly entries: readonly Entry[];
}

/** How requests are treated from now on; what is left out is as usual again. */
export interface DestinationServiceControl {
  readonly delayMs?: number;
  /** Status of the Destination service. */
  readonly status?: number;
  readonly tokenStatus?: number;
  /** 200 with a page of HTML, as gateways in between answer. */
  readonly html?: boolean;
  /** The connection is broken off in place of an answer. */
  readonly reset?: boolean;
  /** False: lists do not say how many pages they have. */
  readonly countsPages?: false;
  /** Service tokens issued so far are worth nothing any more. */
  readonly revokeAll?: boolean;
  readonly replace?: readonly Entry[];
}

export interface DestinationServiceOptions extends ListenOptions {
  readonly authority: Authority;
  /** Name in its certificate, and in its binding. */
  readonly host: string;
  readonly entries: readonly Entry[];
  readonly fragments?: readonly Record<string, string>[];
  /** Tenants beside that of the binding, by subdomain: the first label of the token endpoint's host. */
  readonly tenants?: Readonly<Record<string, TenantOfService>>;
  /** The binding proves itself by a client certificate; `attested`: which is not in the binding, nor is its key. */
  readonly x509?: boolean | 'attested';
  /** Tokens are those of Cloud Identity Services: the service wants the certificate too, and answers for no level. */
  readonly ias?: boolean;
}

export interface DestinationServiceConfiguration extends ListensAt {
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
  readonly clientId: string;
  /** null: a client certificate is wanted. */
  readonly clientSecret: string | null;
  readonly ias: boolean;
  readonly tokenPrefix: string;
  readonly entries: readonly Entry[];
  readonly fragments: readonly Record<string, string>[];
  readonly host: string;
  readonly tenants: Readonly<Record<string, TenantOfService>>;
}

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
}

export interface DestinationServiceServer extends StartedServer {
  /** Fields of the service binding, as SAP's broker gives them. */
  readonly binding: Readonly<Record<string, string>>;
  /** Fields of the service key of Cloud Identity Services. */
  readonly identityKey: Readonly<Record<string, string>>;
  /** What the token endpoint takes, where it takes a certificate. */
  readonly client: Certificate;
  /** Requests to the Destination service so far. */
  calls(): Promise<Call[]>;
  /** Requests to the token endpoint so far, refused ones too. */
  tokenRequests(): Promise<number>;
  /** Names in the certificates that tokens were got with. */
  tokenSubjects(): Promise<string[]>;
  control(settings: DestinationServiceControl): Promise<void>;
}

const CLIENT_ID = 'sb-clone!b123|destination-xsappname!b404';
const CLIENT_SECRET = 'service-secret/+=';

/** Starts XSUAA's token endpoint and a Destination service with these entries, as a process of its own. */
export async function startDestinationService(
  place: Place,
  options: DestinationServiceOptions,
): Promise<DestinationServiceServer> {
  const { authority, host, x509 = false, ias = false } = options;
  const [server, client] = await Promise.all([
    authority.issueServer(host, host.replace(/^[^.]+/, '*')),
    authority.issueClient(CLIENT_ID),
  ]);
  const at = await listenAt(place, options, 443);
  const configuration: DestinationServiceConfiguration = {
    ...at,
    certificate: server.certificate,
    key: server.key,
    ca: authority.certificate,
    clientId: CLIENT_ID,
    clientSecret: x509 !== false || ias ? null : CLIENT_SECRET,
    ias,
    tokenPrefix: 'service-token-',
    entries: options.entries,
    fragments: options.fragments ?? [],
    host,
    tenants: options.tenants ?? {},
  };
  const service = await startNodeServer(place, 'destination-service', configuration);
  /** What it wrote before it answered is read behind it. */
  const say = async (line: string, answer: string): Promise<void> => {
    const before = eventsOf(service, answer).length;
    service.write(`${line}\n`);
    await until(`the service ${answer}`, () => eventsOf(service, answer).length > before);
  };
  const base = `https://${host}:${at.port}`;
  return {
    ...service,
    binding: x509 === 'attested' ? attested(bindingOf(base, client)) : bindingOf(base, x509 ? client : null),
    identityKey: identityKeyOf(base, client),
    client,
    async calls() {
      await say('flush', 'flushed');
      return eventsOf(service, 'call') as unknown as Call[];
    },
    async tokenRequests() {
      await say('flush', 'flushed');
      return eventsOf(service, 'token').length;
    },
    async tokenSubjects() {
      await say('flush', 'flushed');
      return eventsOf(service, 'subject').map(({ name }) => String(name));
    },
    control: (settings) => say(JSON.stringify(settings), 'controlled'),
  };
}

/** Shape: cloud-sdk-js, packages/connectivity, test-resources `destinationBindingClientSecretMock` and `...CertMock`. */
function bindingOf(base: string, client: Certificate | null): Record<string, string> {
  const common = {
    uaadomain: 'authentication.sap.hana.ondemand.com',
    tenantmode: 'dedicated',
    clientid: CLIENT_ID,
    instanceid: '2e6e2a9b-0000-4000-8000-000000000001',
    xsappname: 'clone!b123|destination-xsappname!b404',
    identityzone: 'provider',
    tenantid: 'a89ea924-d9c2-4eab-84fb-3ffcaadf5d24',
    uri: base,
  };
  if (client === null)
    return { ...common, url: base, clientsecret: CLIENT_SECRET, 'credential-type': 'binding-secret' };
  return {
    ...common,
    url: 'https://not-this-one.test',
    certurl: base,
    certificate: client.certificate,
    key: client.key,
    'credential-type': 'x509',
  };
}

/** SAP Help, "Integration with Zero Trust Identity Service": the key comes from the node. */
function attested({
  certificate: _certificate,
  key: _key,
  ...binding
}: Record<string, string>): Record<string, string> {
  return { ...binding, 'credential-type': 'x509_attested' };
}

/** Shape: SAP Help, "Calling the Destination Service REST API via IAS Token": the fields that it takes of the service key. */
function identityKeyOf(base: string, { certificate, key }: Certificate): Record<string, string> {
  return {
    clientid: CLIENT_ID,
    url: base,
    authorization_endpoint: `${base}/oauth2/authorize`,
    certificate,
    key,
    'credential-type': 'X509_GENERATED',
  };
}
