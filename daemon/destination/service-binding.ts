// SPDX-License-Identifier: Apache-2.0
import type { DestinationSourceSpec } from '../../api/kinds/destination-source.ts';
import { LeatError } from '../errors/leat-error.ts';
import type { TlsIdentity } from './authentication-parts.ts';
import { checkKeyPair } from './check-pem.ts';
import { checkText } from './check-value.ts';
import { compileTlsIdentity } from './compile-tls-identity.ts';
import type { OAuth2Client, ServiceInstance } from './destination.ts';
import type { ReadSecret } from './release-secret.ts';
import { type FieldOf, readSecretObject, requireFields, type SecretObject } from './secret-object.ts';

export type ServiceBinding = Pick<
  ServiceInstance,
  'uri' | 'instance' | 'ownTenant' | 'client' | 'identity' | 'answersLevels'
>;

/** What lies in the folder of identities, by file name: read before, since nothing here reads files. */
export type IdentityFiles = ReadonlyMap<string, string>;

export interface BindingContext {
  readonly ca: string | null;
  readonly readSecret: ReadSecret;
  readonly files: IdentityFiles;
}

/** Of `x509_attested` neither certificate nor key are in the binding, of `x509_provided` not the key. */
const BY_CERTIFICATE = new Set(['x509', 'x509_generated', 'x509_provided', 'x509_attested']);
const BY_SECRET = new Set(['', 'binding-secret', 'instance-secret']);

/**
 * A binding of SAP's Destination service, in one key as JSON or with a key for each field (SAP Help, "Service Keys" and
 * SAP BTP service operator): `uri`, `url` and `clientsecret`, or `certurl`, `certificate` and `key`. With a service key of
 * SAP Cloud Identity Services beside it the token is IAS's, and the service wants the certificate too (SAP Help, "Calling
 * the Destination Service REST API via IAS Token").
 *
 * @throws SECRET_*
 */
export function readServiceBinding(spec: DestinationSourceSpec['binding'], context: BindingContext): ServiceBinding {
  const what = `the service binding in Secret ${spec.secret}`;
  const { field, optional } = fieldsOf(spec, what, context.readSecret);
  const common = {
    uri: httpsUrl(field('uri'), `uri of ${what}`),
    instance: instanceOf(optional) ?? field('clientid'),
    ownTenant: { subdomain: optional('identityzone'), id: optional('tenantid') },
  };
  if (spec.identity !== undefined) {
    const client = readIdentityClient(spec, spec.identity, context);
    return { ...common, client, identity: client.identity ?? null, answersLevels: false };
  }
  const kind = kindOf(optional);
  const isByCertificate = BY_CERTIFICATE.has(kind);
  if (!isByCertificate && !BY_SECRET.has(kind)) {
    throw new LeatError('SECRET_INVALID', `${what} has a credential-type other than binding-secret and those of x509`);
  }
  const base = isByCertificate ? 'certurl' : 'url';
  const client = {
    ...clientOf(`${httpsUrl(field(base), `${base} of ${what}`)}/oauth/token`, field, what, context),
    ...(isByCertificate
      ? { identity: readIdentity(spec, kind, field, what, context) }
      : {
          clientSecret: checkText(field('clientsecret'), `clientsecret of ${what}`),
          clientAuthentication: 'Body' as const,
        }),
  };
  return { ...common, client, identity: null, answersLevels: true };
}

/** The service takes tokens of IAS only from who shows the certificate that they were got with. */
function readIdentityClient(
  spec: DestinationSourceSpec['binding'],
  identity: NonNullable<DestinationSourceSpec['binding']['identity']>,
  context: BindingContext,
): OAuth2Client {
  const what = `the service key of Cloud Identity Services in Secret ${identity.secret}`;
  const { field, optional } = fieldsOf(identity, what, context.readSecret);
  const tokenUrl = `${httpsUrl(field('url'), `url of ${what}`)}/oauth2/token`;
  return {
    ...clientOf(tokenUrl, field, what, context),
    identity: readIdentity(spec, kindOf(optional), field, what, context),
  };
}

/** A client that shows a certificate, unless more is said. */
function clientOf(
  tokenUrl: string,
  field: (name: string) => string,
  what: string,
  { ca }: BindingContext,
): OAuth2Client {
  return {
    tokenUrl,
    clientId: checkText(field('clientid'), `clientid of ${what}`),
    clientSecret: null,
    clientAuthentication: 'MutualTls',
    scope: null,
    parameters: [],
    ca,
    identity: null,
  };
}

/** Files and Secret go before what the binding holds. */
function readIdentity(
  { clientCertificate, certificateFiles }: DestinationSourceSpec['binding'],
  kind: string,
  field: (name: string) => string,
  what: string,
  { readSecret, files }: BindingContext,
): TlsIdentity {
  if (certificateFiles !== undefined) {
    const [certificate, key] = [certificateFiles.certificate, certificateFiles.key].map((name) => fileAt(name, files));
    return checkKeyPair(certificate ?? '', key ?? '', 'the files of the identity folder');
  }
  if (clientCertificate !== undefined) return compileTlsIdentity(clientCertificate, readSecret);
  if (kind === 'x509_attested') {
    throw new LeatError(
      'SECRET_INVALID',
      `${what} is of credential-type x509_attested: give binding.certificateFiles or binding.clientCertificate`,
    );
  }
  return checkKeyPair(field('certificate'), field('key'), what);
}

function fileAt(name: string, files: IdentityFiles): string {
  const text = files.get(name);
  if (text !== undefined) return text;
  throw new LeatError(
    'SECRET_NOT_FOUND',
    `there is no file ${name} in the identity folder of this node (--identity-dir)`,
  );
}

/** A new binding has another client, but is of the same instance. */
function instanceOf(optional: FieldOf): string | null {
  const [tenant, instance] = [optional('tenantid'), optional('instanceid')];
  return tenant === null || instance === null ? null : `${tenant} ${instance}`;
}

function kindOf(optional: FieldOf): string {
  return (optional('credential-type') ?? '').toLowerCase();
}

function httpsUrl(text: string, what: string): string {
  const url = URL.parse(text);
  if (url?.protocol !== 'https:' || url.username !== '' || url.search !== '' || url.hash !== '') {
    throw new LeatError('SECRET_INVALID', `${what} is no URL of https://`);
  }
  return url.href.replace(/\/+$/, '');
}

function fieldsOf(
  { secret, jsonKey }: { secret: string; jsonKey?: string },
  what: string,
  readSecret: ReadSecret,
): SecretObject {
  return jsonKey === undefined
    ? requireFields(fieldsByKey(secret, readSecret), what)
    : readSecretObject(readSecret(secret, jsonKey), `key "${jsonKey}" of Secret ${secret}`);
}

function fieldsByKey(secret: string, readSecret: ReadSecret): FieldOf {
  // Whether the Secret itself can be read is said once, by a field that every binding and service key has.
  readSecret(secret, 'clientid');
  return (name) => {
    try {
      return readSecret(secret, name);
    } catch (error) {
      if (error instanceof LeatError && error.code === 'SECRET_KEY_MISSING') return null;
      throw error;
    }
  };
}
