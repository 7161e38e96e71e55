// SPDX-License-Identifier: Apache-2.0
import { isIP } from 'node:net';
import { FORMATS } from '../../api/schema/formats.ts';
import { normaliseHost } from '../destination/host-pattern.ts';
import { LeatError } from '../errors/leat-error.ts';

const HOST_NAME = new RegExp(FORMATS.hostName.pattern);

/** A host name or an IP address without brackets, as Destinations have it. @throws DESTINATION_ENTRY_INVALID */
export function normaliseName(host: string, what: string): string {
  const name = normaliseHost(host.replace(/^\[(.*)\]$/, '$1'));
  if (isIP(name) !== 0 || (HOST_NAME.test(name) && name.length <= FORMATS.hostName.maxLength)) return name;
  throw new LeatError('DESTINATION_ENTRY_INVALID', `${what} has no host name that can be asked of DNS`);
}
