// SPDX-License-Identifier: Apache-2.0
import { OAUTH2_DEFAULTS, SECRET_KEY_DEFAULTS } from '../../api/defaults.ts';
import type { OAuth2Client as OAuth2ClientSpec } from '../../api/schema/parts.ts';
import { LeatError } from '../errors/leat-error.ts';
import { checkCertificates } from './check-pem.ts';
import { checkText } from './check-value.ts';
import type { OAuth2Client } from './destination.ts';
import type { ReadSecret } from './release-secret.ts';

/** @throws SECRET_*; CLEARTEXT_REFUSED for a token endpoint that would get the client's secret in clear */
export function compileOAuth2Client(spec: OAuth2ClientSpec, readSecret: ReadSecret): OAuth2Client {
  if (!URL.canParse(spec.tokenUrl)) {
    throw new LeatError('DESTINATION_NOT_READY', 'tokenUrl is no URL such as https://login.example.com/oauth/token');
  }
  const { protocol, username, password } = new URL(spec.tokenUrl);
  if (username !== '' || password !== '') {
    throw new LeatError('DESTINATION_NOT_READY', 'tokenUrl holds a user or password: put them in the Secret');
  }
  if (protocol !== 'https:' && spec.allowCleartext !== true) {
    throw new LeatError(
      'CLEARTEXT_REFUSED',
      'tokenUrl begins with http://, which would send the client secret in clear: use https://, or say allowCleartext',
    );
  }
  const idKey = spec.clientIdKey ?? SECRET_KEY_DEFAULTS.clientId;
  const secretKey = spec.clientSecretKey ?? SECRET_KEY_DEFAULTS.clientSecret;
  const read = (key: string) => checkText(readSecret(spec.secret, key), `key "${key}" of Secret ${spec.secret}`);
  return {
    tokenUrl: spec.tokenUrl,
    clientId: read(idKey),
    clientSecret: read(secretKey),
    clientAuthentication: spec.clientAuthentication ?? OAUTH2_DEFAULTS.clientAuthentication,
    scope: spec.scope ?? null,
    parameters: spec.parameters ?? [],
    allowCleartext: spec.allowCleartext ?? false,
    ca:
      spec.ca === undefined
        ? null
        : checkCertificates(readSecret(spec.ca.name, spec.ca.key), `key "${spec.ca.key}" of Secret ${spec.ca.name}`),
  };
}
