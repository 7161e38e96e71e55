// SPDX-License-Identifier: Apache-2.0
import type { DestinationSourceSpec } from '../../api/kinds/destination-source.ts';
import { LeatError } from '../errors/leat-error.ts';
import { checkKeyPair } from './check-pem.ts';
import { checkText } from './check-value.ts';
import type { OAuth2Client } from './destination.ts';
import type { ReadSecret } from './release-secret.ts';

export interface ServiceBinding {
  readonly uri: string;
  readonly client: OAuth2Client;
}

/** Kinds whose key is in the binding. `x509_attested` keeps it elsewhere, and IAS bindings say another kind. */
const BY_CERTIFICATE = new Set(['x509', 'x509_generated', 'x509_provided']);
const BY_SECRET = new Set(['', 'binding-secret', 'instance-secret']);

/**
 * A binding of SAP's Destination service, in one key as JSON or with a key for each field (SAP Help, "Service Keys" and
 * SAP BTP service operator): `uri`, `url` and `clientsecret`, or `certurl`, `certificate` and `key`.
 *
 * @throws SECRET_*
 */
export function readServiceBinding(
  { secret, jsonKey }: DestinationSourceSpec['binding'],
  ca: string | null,
  readSecret: ReadSecret,
): ServiceBinding {
  const what = `the service binding in Secret ${secret}`;
  const fieldOf = jsonKey === undefined ? fieldsByKey(secret, readSecret) : fieldsOfJson(secret, jsonKey, readSecret);
  const field = (name: string): string => {
    const value = fieldOf(name);
    if (value !== null && value !== '') return value;
    throw new LeatError('SECRET_INVALID', `${what} has no field ${name}`);
  };
  const kind = (fieldOf('credential-type') ?? '').toLowerCase();
  const isByCertificate = BY_CERTIFICATE.has(kind);
  if (!isByCertificate && !BY_SECRET.has(kind)) {
    throw new LeatError('SECRET_INVALID', `${what} has a credential-type other than binding-secret and x509`);
  }
  const tokenBase = httpsUrl(
    field(isByCertificate ? 'certurl' : 'url'),
    `${isByCertificate ? 'certurl' : 'url'} of ${what}`,
  );
  return {
    uri: httpsUrl(field('uri'), `uri of ${what}`),
    client: {
      tokenUrl: `${tokenBase}/oauth/token`,
      clientId: checkText(field('clientid'), `clientid of ${what}`),
      clientSecret: isByCertificate ? null : checkText(field('clientsecret'), `clientsecret of ${what}`),
      clientAuthentication: isByCertificate ? 'MutualTls' : 'Body',
      scope: null,
      parameters: [],
      ca,
      identity: isByCertificate ? checkKeyPair(field('certificate'), field('key'), what) : null,
    },
  };
}

function httpsUrl(text: string, what: string): string {
  const url = URL.parse(text);
  if (url?.protocol !== 'https:' || url.username !== '' || url.search !== '' || url.hash !== '') {
    throw new LeatError('SECRET_INVALID', `${what} is no URL of https://`);
  }
  return url.href.replace(/\/+$/, '');
}

type FieldOf = (name: string) => string | null;

function fieldsByKey(secret: string, readSecret: ReadSecret): FieldOf {
  // Whether the Secret itself can be read is said once, by a field that every binding has.
  readSecret(secret, 'uri');
  return (name) => {
    try {
      return readSecret(secret, name);
    } catch (error) {
      if (error instanceof LeatError && error.code === 'SECRET_KEY_MISSING') return null;
      throw error;
    }
  };
}

function fieldsOfJson(secret: string, key: string, readSecret: ReadSecret): FieldOf {
  const fields = parseObject(readSecret(secret, key));
  if (fields === null) throw new LeatError('SECRET_INVALID', `key "${key}" of Secret ${secret} holds no JSON object`);
  return (name) => {
    const value = Object.hasOwn(fields, name) ? fields[name] : null;
    return typeof value === 'string' ? value : null;
  };
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    // Told without its text, which may be a secret.
    return null;
  }
}
