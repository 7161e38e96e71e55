// SPDX-License-Identifier: Apache-2.0
import { CREDENTIAL_LABEL } from '../../api/group.ts';
import type { Secret as SecretResource } from '../../api/kinds/core.ts';
import { LeatError } from '../errors/leat-error.ts';

/**
 * Reads one value of a Secret of one namespace, as text; or, for files that are no text, its bytes.
 *
 * @throws SECRET_NOT_FOUND, SECRET_NOT_RELEASED, SECRET_KEY_MISSING, SECRET_INVALID
 */
export interface ReadSecret {
  (name: string, key: string): string;
  bytes(name: string, key: string): Buffer;
}

/**
 * Who may write a Destination must not be able to send any Secret of the namespace away: only one that carries the label is
 * read, and only of the namespace that the reader was made for. No name reaches into another namespace.
 */
export function createSecretReaders(secrets: readonly SecretResource[]): (namespace: string) => ReadSecret {
  const byName = new Map(secrets.map((secret) => [nameOf(secret.metadata.namespace, secret.metadata.name), secret]));
  return (namespace) => {
    const find = (name: string, key: string): { readonly clear: string } | { readonly bytes: Buffer } => {
      const secret = byName.get(nameOf(namespace, name));
      if (secret === undefined) {
        // a cluster shows a daemon no Secret that is not released
        const cure = `make it, label it ${CREDENTIAL_LABEL}="true", and where Secrets are released by name: kubectl leat release`;
        throw new LeatError(
          'SECRET_NOT_FOUND',
          `there is no Secret "${name}" in namespace ${namespace} that may be read: ${cure}`,
        );
      }
      if (secret.metadata.labels?.[CREDENTIAL_LABEL] !== 'true') {
        throw new LeatError(
          'SECRET_NOT_RELEASED',
          `Secret ${namespace}/${name} is not released: label it ${CREDENTIAL_LABEL}="true"`,
        );
      }
      const clear = own(secret.stringData, key);
      if (clear !== undefined) return { clear };
      const encoded = own(secret.data, key);
      if (encoded === undefined) {
        const cure = 'add it, or name the key that holds it where the resource names the Secret';
        throw new LeatError('SECRET_KEY_MISSING', `Secret ${namespace}/${name} has no key "${key}": ${cure}`);
      }
      return { bytes: decode(encoded, `key "${key}" of Secret ${namespace}/${name}`) };
    };
    // Thousands of Destinations of a namespace may share a client: they share its text as well.
    const texts = new Map<string, string>();
    const read = (name: string, key: string): string => {
      const place = nameOf(name, key);
      const known = texts.get(place);
      if (known !== undefined) return known;
      const found = find(name, key);
      const text = 'clear' in found ? found.clear : toText(found.bytes, `key "${key}" of Secret ${namespace}/${name}`);
      texts.set(place, text);
      return text;
    };
    const bytes = (name: string, key: string): Buffer => {
      const found = find(name, key);
      return 'clear' in found ? Buffer.from(found.clear, 'utf8') : found.bytes;
    };
    return Object.assign(read, { bytes });
  };
}

/** A slash is in no name, so that a name can't pretend to be in another namespace. */
function nameOf(namespace: string | undefined, name: string): string {
  return `${namespace ?? 'default'}/${name}`;
}

function own(values: Readonly<Record<string, string>> | undefined, key: string): string | undefined {
  return values !== undefined && Object.hasOwn(values, key) ? values[key] : undefined;
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Buffer passes over what is not base64: that would send a credential that nobody wrote. */
function decode(encoded: string, what: string): Buffer {
  const compact = encoded.replace(/\s/g, '');
  if (!BASE64.test(compact))
    throw new LeatError('SECRET_INVALID', `${what} is not base64: encode it, or use stringData`);
  return Buffer.from(compact, 'base64');
}

/** Buffer replaces what is not UTF-8, which would be another credential too. */
function toText(bytes: Buffer, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new LeatError('SECRET_INVALID', `${what} is not text in UTF-8: write it anew`, { cause });
  }
}
