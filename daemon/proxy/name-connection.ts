// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';
import type { IdentifiedConnection } from './identify-connection.ts';
import type { NameSource } from './ports.ts';

declare const stage: unique symbol;

/** A connection of which is known what name the application asked for; null: it connected to an address. */
export interface NamedConnection extends IdentifiedConnection {
  readonly host: string | null;
  readonly [stage]: true;
}

/** @throws NAME_UNKNOWN for a synthetic address that stands for no name: the application made it up, or it is older than we. */
export function nameConnection(identified: IdentifiedConnection, names: NameSource): NamedConnection {
  const { originalDestination } = identified;
  const host = names.hostOf(originalDestination);
  if (host === null && names.isSynthetic(originalDestination.address)) {
    throw new LeatError('NAME_UNKNOWN', `synthetic address ${originalDestination.address} stands for no host name`);
  }
  return { ...identified, host } as NamedConnection;
}
