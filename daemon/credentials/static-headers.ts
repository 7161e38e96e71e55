// SPDX-License-Identifier: Apache-2.0
import { basicCredential } from '../destination/basic-credential.ts';
import type { OwnAuthentication } from '../destination/destination.ts';
import { Secret } from '../destination/secret.ts';

export interface StaticHeader {
  readonly name: string;
  readonly value: Secret | null;
}

type StaticAuthentication = Extract<
  OwnAuthentication,
  { readonly type: 'None' | 'ClientHandledAuthentication' | 'Basic' | 'Header' }
>;

/** Whether the fields depend on the Destination alone: nobody is asked, and nothing of the request goes into them. */
export function isStatic(authentication: OwnAuthentication): authentication is StaticAuthentication {
  const { type } = authentication;
  return type === 'None' || type === 'ClientHandledAuthentication' || type === 'Basic' || type === 'Header';
}

const NONE: readonly StaticHeader[] = [];
/** A Secret that changed comes with another Destination, and another authentication. */
const known = new WeakMap<StaticAuthentication, readonly StaticHeader[]>();

/** @throws SECRET_INVALID */
export function staticHeaders(authentication: StaticAuthentication): readonly StaticHeader[] {
  let headers = known.get(authentication);
  if (headers === undefined) {
    headers = make(authentication);
    known.set(authentication, headers);
  }
  return headers;
}

function make(authentication: StaticAuthentication): readonly StaticHeader[] {
  switch (authentication.type) {
    case 'Basic':
      return [{ name: 'Authorization', value: basicCredential(authentication.username, authentication.password) }];
    case 'Header': {
      const { name, prefix, value } = authentication;
      return [{ name, value: prefix === '' ? value : new Secret(prefix + value.reveal()) }];
    }
    default:
      return NONE;
  }
}
