// SPDX-License-Identifier: Apache-2.0
/** Parts of what Leat authenticates by: certificates, keys that sign, and the token of the application's user. */
import { SECRET_KEY_DEFAULTS } from '../defaults.ts';
import { FORMATS } from './formats.ts';
import { CertificateAuthority, closed, secretKey, secretName, text } from './parts.ts';
import { type Static, Type } from './type.ts';

/** A certificate with its key, in PEM or PKCS#12, that Leat shows in TLS. */
export const TlsIdentity = closed(
  {
    secret: secretName('certificate and key, in PEM or PKCS#12'),
    certificateKey: secretKey('the certificate chain (PEM)', SECRET_KEY_DEFAULTS.certificate),
    keyKey: secretKey('the private key (PEM, may be encrypted)', SECRET_KEY_DEFAULTS.privateKey),
    pkcs12Key: Type.Optional(
      text(FORMATS.secretKey, 'key of a PKCS#12 file in the Secret, which holds both; in place of the two'),
    ),
    passwordKey: Type.Optional(
      text(FORMATS.secretKey, 'key of the password in the Secret, where key or file are encrypted'),
    ),
  },
  'certificate and private key from one Secret',
);
export type TlsIdentity = Static<typeof TlsIdentity>;

/** A private key that Leat signs with. */
export const SigningKey = closed(
  {
    secret: secretName('the private key, in PEM'),
    keyKey: secretKey('the private key (PEM, may be encrypted)', SECRET_KEY_DEFAULTS.privateKey),
    passwordKey: Type.Optional(
      text(FORMATS.secretKey, 'key of the password in the Secret, where the key is encrypted'),
    ),
    certificateKey: Type.Optional(
      text(FORMATS.secretKey, 'key of its certificate in the Secret, so that the receiver can tell which key it was'),
    ),
  },
  'private key from a Secret',
);
export type SigningKey = Static<typeof SigningKey>;

/** Where the token of the application's user is, and who must have signed it. */
export const UserToken = closed(
  {
    header: Type.Optional(
      text(FORMATS.headerName, 'header that holds it, with or without "Bearer ". Default Authorization: Bearer.'),
    ),
    issuer: Type.Optional(Type.String({ minLength: 1, maxLength: 1024, description: '"iss" that it must have' })),
    audience: Type.Optional(Type.String({ minLength: 1, maxLength: 1024, description: '"aud" that it must have' })),
    jwks: Type.Optional(
      Type.String({ maxLength: 65_536, description: 'public keys that sign it: a JSON Web Key Set (RFC 7517)' }),
    ),
    jwksUri: Type.Optional(text(FORMATS.url, 'where those keys are fetched, in place of jwks; https')),
    ca: Type.Optional(CertificateAuthority),
  },
  "token of the application's user: where it stands, and how it is verified",
);
export type UserToken = Static<typeof UserToken>;
