// SPDX-License-Identifier: Apache-2.0
import type { OAuth2Client } from '../../daemon/destination/destination.ts';
import { Secret } from '../../daemon/destination/secret.ts';

/** A client with a secret at `https://login.example/token`; what is given replaces. */
export function oauth2Client(overrides: Partial<OAuth2Client> = {}): OAuth2Client {
  return {
    tokenUrl: 'https://login.example/token',
    clientId: new Secret('id'),
    clientSecret: new Secret('hunter2'),
    clientAuthentication: 'Body',
    scope: null,
    parameters: [],
    ca: null,
    ...overrides,
  };
}
