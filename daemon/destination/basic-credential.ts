// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';
import { Secret } from './secret.ts';

/**
 * The value of an Authorization or Proxy-Authorization field: RFC 7617, in UTF-8.
 * @throws SECRET_INVALID for a user name with a colon, which would end it early, or for control characters (§2)
 */
export function basicCredential(username: Secret, password: Secret): Secret {
  const user = username.reveal();
  const pair = `${user}:${password.reveal()}`;
  if (user.includes(':')) throw new LeatError('SECRET_INVALID', 'the user name of a basic credential holds a colon');
  if (/[\x00-\x1f\x7f]/.test(pair)) {
    throw new LeatError('SECRET_INVALID', 'a basic credential holds a line break or another control character');
  }
  return new Secret(`Basic ${Buffer.from(pair, 'utf8').toString('base64')}`);
}
