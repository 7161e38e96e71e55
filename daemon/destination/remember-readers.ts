// SPDX-License-Identifier: Apache-2.0
import type { Secret } from '../../api/kinds/core.ts';
import { createSecretReaders, type ReadSecret } from './release-secret.ts';

/** Readers of the Secrets of one moment. */
export interface KnownReaders {
  readonly secretsOf: (namespace: string) => ReadSecret;
  readonly readers: ReadonlyMap<string, { readonly own: readonly Secret[]; readonly reader: ReadSecret }>;
}

/**
 * Readers of Secrets, each the same as long as no Secret of its namespace changed.
 * @param before of the moment before; null: none
 */
export function rememberReaders(secrets: readonly Secret[], before: KnownReaders | null): KnownReaders {
  const earlier = before?.readers;
  const byNamespace = new Map<string, Secret[]>();
  for (const secret of secrets) {
    const { namespace = 'default' } = secret.metadata;
    const others = byNamespace.get(namespace);
    if (others === undefined) byNamespace.set(namespace, [secret]);
    else others.push(secret);
  }
  const readers = new Map<string, { own: readonly Secret[]; reader: ReadSecret }>();
  const secretsOf = (namespace: string): ReadSecret => {
    const known = readers.get(namespace);
    if (known !== undefined) return known.reader;
    const own = byNamespace.get(namespace) ?? [];
    const old = earlier?.get(namespace);
    const isSame = old?.own.length === own.length && own.every((secret, at) => secret === old.own[at]);
    const reader = old !== undefined && isSame ? old.reader : createSecretReaders(own)(namespace);
    readers.set(namespace, { own, reader });
    return reader;
  };
  return { secretsOf, readers };
}
