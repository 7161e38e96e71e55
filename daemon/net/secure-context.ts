// SPDX-License-Identifier: Apache-2.0
import { createSecureContext, type SecureContext } from 'node:tls';
import { LeatError } from '../errors/leat-error.ts';

export interface TlsMaterial {
  /** PEM; replaces the roots of the system. */
  readonly ca: string | null;
  /** PEM chain that Leat shows when the peer asks; without a key it is not shown. */
  readonly certificate?: string | undefined;
  /** PEM, of `certificate`; revealed to OpenSSL and nowhere else. A `Secret`, by its shape: this folder is below it. */
  readonly key?: Hidden | undefined;
  /** PKCS#12 in base64 that holds both, in their place, and its password. */
  readonly pkcs12?: Hidden | undefined;
  readonly passphrase?: Hidden | undefined;
}

interface Hidden {
  reveal(): string;
}

interface Keyed {
  readonly ca: string | null;
  readonly certificate: string | undefined;
  readonly context: SecureContext;
}

/** Parsing a bundle of CAs takes up to 20 ms of the one thread: not for each connection. */
const MAX_CONTEXTS = 64;
const byAuthority = new Map<string | null, SecureContext>();
/** By the key's object, not its text: the context, which holds the key, goes when the Secret goes. */
const byKey = new WeakMap<object, Keyed>();

/**
 * What OpenSSL verifies with and shows; TLS 1.2 or newer. Kept for the next connection with the same material.
 * @throws SECRET_INVALID where OpenSSL does not take it
 */
export function secureContextFor(material: TlsMaterial): SecureContext {
  const { ca, certificate } = material;
  const key = material.key ?? material.pkcs12;
  if (key === undefined) return recall(ca) ?? remember(ca, create(material));
  const known = byKey.get(key);
  if (known !== undefined && known.ca === ca && known.certificate === certificate) return known.context;
  const context = create(material);
  byKey.set(key, { ca, certificate, context });
  return context;
}

function recall(ca: string | null): SecureContext | null {
  const context = byAuthority.get(ca);
  if (context === undefined) return null;
  // To the end: the first in the map is the one that was not used for longest.
  byAuthority.delete(ca);
  byAuthority.set(ca, context);
  return context;
}

function remember(ca: string | null, context: SecureContext): SecureContext {
  for (const oldest of byAuthority.keys()) {
    if (byAuthority.size < MAX_CONTEXTS) break;
    byAuthority.delete(oldest);
  }
  byAuthority.set(ca, context);
  return context;
}

function create({ ca, certificate, key, pkcs12, passphrase }: TlsMaterial): SecureContext {
  try {
    return createSecureContext({
      minVersion: 'TLSv1.2',
      ...(ca === null ? {} : { ca }),
      ...(certificate === undefined || key === undefined ? {} : { cert: certificate, key: key.reveal() }),
      ...(pkcs12 === undefined
        ? {}
        : { pfx: Buffer.from(pkcs12.reveal(), 'base64'), passphrase: passphrase?.reveal() ?? '' }),
    });
  } catch (cause) {
    throw new LeatError(
      'SECRET_INVALID',
      'the certificate, key or ca for TLS to the upstream can not be used: all must be PEM, and the key that of the certificate',
      { cause },
    );
  }
}
