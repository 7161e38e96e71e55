// SPDX-License-Identifier: Apache-2.0
/** `DestinationSource`: an instance of SAP's Destination service, and who may use what of it. */
import { SOURCE_DEFAULTS } from '../defaults.ts';
import { API_VERSION } from '../group.ts';
import { TlsIdentity } from '../schema/credential-parts.ts';
import { FORMATS } from '../schema/formats.ts';
import {
  CertificateAuthority,
  closed,
  durationMs,
  listOf,
  MAX_ITEMS,
  NamespaceSelector,
  ObjectMeta,
  oneOf,
  secretName,
  text,
} from '../schema/parts.ts';
import { type Static, Type } from '../schema/type.ts';

/** Where the service keeps an entry. */
export const LEVELS = ['subaccount', 'instance', 'provider_subaccount', 'provider_instance'] as const;
export type Level = (typeof LEVELS)[number];
/** Levels that can be listed. */
const IMPORT_LEVELS = ['subaccount', 'instance'] as const satisfies Level[];

/** Of entries, fragments or chains. */
export const namePatterns = (description: string) =>
  listOf(
    text(FORMATS.entryPattern, 'name, or * for any run of characters'),
    { minItems: 1, maxItems: MAX_ITEMS },
    description,
  );

/** `tenantMode: shared`. */
const Tenants = closed(
  {
    allow: listOf(
      closed({
        namespaces: NamespaceSelector,
        subdomains: Type.Optional(
          namePatterns('subdomains that a request may name in X-Tenant-Subdomain. Default none.'),
        ),
        ids: Type.Optional(namePatterns('tenants that a request may name in X-Tenant-Id. Default none.')),
      }),
      { maxItems: 64 },
      'which tenants may be named from where; none where it is empty',
    ),
    userToken: Type.Optional(
      closed(
        {
          issuer: Type.String({
            minLength: 1,
            maxLength: 1024,
            description: '"iss" that it must have; {tenant} stands for any one label of a host name',
          }),
          audience: Type.String({ minLength: 1, maxLength: 1024, description: '"aud" that it must have' }),
          jwks: Type.Optional(
            Type.String({ maxLength: 65_536, description: 'public keys that sign it: a JSON Web Key Set (RFC 7517)' }),
          ),
          jwksUri: Type.Optional(text(FORMATS.url, 'where those keys are fetched, in place of jwks; https')),
          ca: Type.Optional(CertificateAuthority),
        },
        'how the token of a user is verified, whose tenant must be the one that the request names. Default no user token is taken.',
      ),
    ),
  },
  'for tenantMode shared, where it is required: who may act for which tenant',
);

export const DestinationSourceSpec = closed({
  default: Type.Optional(Type.Boolean({ description: 'is meant where a Destination names no source. Default false.' })),
  binding: closed(
    {
      secret: secretName('the service binding'),
      jsonKey: Type.Optional(
        text(FORMATS.secretKey, 'key that holds the whole binding as JSON. Default each field has a key of its own.'),
      ),
      identity: Type.Optional(
        closed(
          {
            secret: secretName('the service key'),
            jsonKey: Type.Optional(
              text(FORMATS.secretKey, 'key that holds all of it as JSON. Default each field has a key of its own.'),
            ),
          },
          "service key of SAP Cloud Identity Services (IAS), whose token the service is asked with. Default XSUAA's.",
        ),
      ),
      clientCertificate: Type.Optional(
        closed(
          TlsIdentity.properties,
          'certificate and key in place of those in the binding or service key; x509_provided and x509_attested need them',
        ),
      ),
      certificateFiles: Type.Optional(
        closed(
          {
            certificate: text(FORMATS.fileName, 'file with the certificate chain, PEM'),
            key: text(FORMATS.fileName, 'file with the private key, PEM'),
          },
          'the same from files in the folder --identity-dir of each node, which are read again when they change',
        ),
      ),
    },
    'what the service instance is reached with; credential-type binding-secret or one of x509',
  ),
  tenantMode: oneOf(
    ['dedicated', 'shared'],
    'whose entries are used: those of the subaccount of the binding, or of the subscribed tenant that each request names',
  ),
  tenants: Type.Optional(Tenants),
  ca: Type.Optional(CertificateAuthority),
  tunnel: Type.Optional(
    text(FORMATS.resourceName, 'Tunnel for entries with ProxyType OnPremise; its allow holds for them as well'),
  ),
  httpTunnel: Type.Optional(
    text(
      FORMATS.resourceName,
      'Tunnel for those of them that speak HTTP, such as port 20003 of a Connectivity Proxy, which reads the headers of users. Default tunnel.',
    ),
  ),
  regions: Type.Optional(
    listOf(
      closed({
        id: text(FORMATS.entryName, 'value of the request header SAP-Connectivity-Region-Configuration-Id'),
        tunnel: text(FORMATS.resourceName, 'Tunnel to the Connectivity Proxy of the region'),
        httpTunnel: Type.Optional(text(FORMATS.resourceName, 'the one for HTTP. Default tunnel.')),
      }),
      { minItems: 1, maxItems: 64, key: 'id' },
      'Tunnels that a request chooses from; one that names no region takes tunnel, or is refused where there is none',
    ),
  ),
  allow: listOf(
    closed({
      namespaces: NamespaceSelector,
      destinationNames: namePatterns('names of entries that may be used'),
      levels: listOf(
        oneOf(LEVELS, 'where the service keeps the entry'),
        { minItems: 1, maxItems: LEVELS.length, key: 'set' },
        'levels that may be asked; a Destination without level asks instance and subaccount',
      ),
      fragmentNames: Type.Optional(namePatterns('fragments that may be laid over these entries. Default none.')),
      chainNames: Type.Optional(namePatterns('chains that may be used with these entries. Default none.')),
    }),
    { maxItems: 64 },
    'who may use what; nobody where it is empty',
  ),
  import: Type.Optional(
    listOf(
      closed({
        level: oneOf(IMPORT_LEVELS, 'where the service keeps the entries'),
        names: namePatterns('names of entries that are imported'),
        allowCleartext: Type.Optional(
          Type.Boolean({ description: 'permit their credentials on a wire without TLS. Default false.' }),
        ),
      }),
      { maxItems: 16 },
      'entries that are Destinations without being written as such, for the namespaces that allow names; every Destination goes before them. Default none.',
    ),
  ),
  allowInsecure: Type.Optional(
    Type.Boolean({ description: 'honour TrustAll: TLS to the target that is not verified. Default false.' }),
  ),
  timeouts: Type.Optional(
    closed(
      {
        requestMs: Type.Optional(
          durationMs(1000, 60_000, `until the service has answered a request. Default ${SOURCE_DEFAULTS.requestMs}.`),
        ),
      },
      'how long is waited',
    ),
  ),
});
export type DestinationSourceSpec = Static<typeof DestinationSourceSpec>;

export const DestinationSource = closed({
  apiVersion: Type.Literal(API_VERSION),
  kind: Type.Literal('DestinationSource'),
  metadata: ObjectMeta,
  spec: DestinationSourceSpec,
  status: Type.Optional(Type.Unknown()),
});
export type DestinationSource = Static<typeof DestinationSource>;

/** `Destination.spec.from`. */
export const From = closed(
  {
    source: Type.Optional(text(FORMATS.resourceName, 'DestinationSource. Default the one that says default.')),
    name: text(FORMATS.entryName, 'name of the entry'),
    level: Type.Optional(
      oneOf(LEVELS, 'where the service keeps the entry. Default instance, and where it is not there subaccount.'),
    ),
    fragments: Type.Optional(
      listOf(
        closed({
          name: text(FORMATS.entryName, 'name of the fragment'),
          level: Type.Optional(
            oneOf(LEVELS, 'where the service keeps it; needs a level of the entry. Default that of the entry.'),
          ),
          optional: Type.Optional(
            Type.Boolean({ description: 'do without it where there is none; of a single fragment. Default false.' }),
          ),
        }),
        { minItems: 1, maxItems: 16 },
        'fragments that are laid over the entry, in their order',
      ),
    ),
    tenants: Type.Optional(
      listOf(
        text(FORMATS.tenantSubdomain, 'subdomain of a tenant'),
        { minItems: 1, maxItems: 64, key: 'set' },
        'tenants of a source with tenantMode shared that get a Service of their own each, named SERVICE-TENANT',
      ),
    ),
    chain: Type.Optional(
      closed(
        {
          name: text(FORMATS.entryName, 'name of the chain, such as com.sap.sequentialUserPropagation'),
          variables: Type.Optional(
            listOf(
              closed({
                name: text(FORMATS.entryName, 'name of the variable'),
                value: text(FORMATS.headerValue, 'value of the variable'),
              }),
              { maxItems: 16, key: 'name' },
              'variables of the chain, but the one that holds the token of the user',
            ),
          ),
        },
        'destination chain that gets the token',
      ),
    ),
  },
  'entry of an SAP Destination service, in place of ports, route and authentication',
);
export type From = Static<typeof From>;
