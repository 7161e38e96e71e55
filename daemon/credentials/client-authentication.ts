// SPDX-License-Identifier: Apache-2.0
import { createHash, createPrivateKey, type KeyObject, type webcrypto, X509Certificate } from 'node:crypto';
import {
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  modifyAssertion,
  None,
  PrivateKeyJwt,
  TlsClientAuth,
} from 'oauth4webapi';
import type { PrivateKeyJwt as PrivateKeyJwtRule } from '../destination/authentication-parts.ts';
import type { OAuth2Client } from '../destination/destination.ts';
import { LeatError } from '../errors/leat-error.ts';

/** How the client proves itself at its token endpoint. @throws SECRET_INVALID */
export function clientAuthenticationOf(client: OAuth2Client): ClientAuth {
  switch (client.clientAuthentication) {
    case 'Body':
      return ClientSecretPost(secretOf(client));
    case 'Basic':
      return ClientSecretBasic(secretOf(client));
    case 'PrivateKeyJwt':
      return privateKeyJwt(client);
    case 'MutualTls':
      if (client.identity == null) throw new LeatError('SECRET_INVALID', 'the client has no certificate to show');
      return TlsClientAuth();
    case 'None':
      return None();
  }
}

function secretOf({ clientSecret }: OAuth2Client): string {
  if (clientSecret === null) throw new LeatError('SECRET_INVALID', 'the client has no secret to prove itself with');
  return clientSecret.reveal();
}

/** RFC 7523 §2.2 and §3. */
function privateKeyJwt({ privateKeyJwt: rule, tokenUrl }: OAuth2Client): ClientAuth {
  if (rule == null) throw new LeatError('SECRET_INVALID', 'the client has no key to sign with');
  const { key, thumbprints } = keyOf(rule);
  return PrivateKeyJwt(rule.keyId === null ? key : { key, kid: rule.keyId }, {
    [modifyAssertion](header, payload) {
      Object.assign(header, { typ: 'JWT', ...thumbprints });
      payload.aud = rule.audience ?? tokenUrl;
      // A service whose clock is behind would refuse a moment that it takes for the future.
      delete payload.nbf;
    },
  });
}

interface Key {
  readonly algorithm: string;
  readonly key: webcrypto.CryptoKey;
  readonly thumbprints: Readonly<Record<string, string>>;
}

/** By the Secret's object: the key goes when the Secret goes. */
const keys = new WeakMap<object, Key>();

function keyOf({ signingKey, algorithm }: PrivateKeyJwtRule): Key {
  const known = keys.get(signingKey.key);
  if (known?.algorithm === algorithm) return known;
  const opened = createPrivateKey(signingKey.key.reveal());
  const key: Key = {
    algorithm,
    key: opened.toCryptoKey(webAlgorithm(opened, algorithm), false, ['sign']),
    thumbprints: signingKey.certificate === null ? {} : thumbprintsOf(signingKey.certificate),
  };
  keys.set(signingKey.key, key);
  return key;
}

/** RFC 7515 §4.1.7 and §4.1.8: Microsoft Entra ID finds the key by them alone. */
function thumbprintsOf(certificate: string): Record<string, string> {
  const { raw } = new X509Certificate(certificate);
  const digest = (name: string): string => createHash(name).update(raw).digest('base64url');
  return { x5t: digest('sha1'), 'x5t#S256': digest('sha256') };
}

const CURVES: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' };

function webAlgorithm(key: KeyObject, algorithm: 'RS256' | 'PS256') {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return { name: algorithm === 'PS256' ? 'RSA-PSS' : 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
    case 'ed25519':
      return { name: 'Ed25519' };
    case 'ec': {
      const namedCurve = CURVES[key.asymmetricKeyDetails?.namedCurve ?? ''];
      if (namedCurve !== undefined) return { name: 'ECDSA', namedCurve };
    }
  }
  throw new LeatError('SECRET_INVALID', 'the key of privateKeyJwt is of a kind that no JWT is signed with');
}
