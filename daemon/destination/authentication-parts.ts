// SPDX-License-Identifier: Apache-2.0
/** What authentications are made of: identities in TLS, keys that sign, tokens of users. */
import type { Secret } from './secret.ts';

/** Shown in TLS. Either a chain and its key in PEM, or a PKCS#12 file in base64 with its password. */
export type TlsIdentity = (
  | { readonly certificate: string; readonly key: Secret; readonly pkcs12?: undefined }
  | { readonly pkcs12: Secret; readonly passphrase: Secret; readonly certificate?: undefined; readonly key?: undefined }
) & {
  /** End of the certificate's life, since the epoch; missing: not known. */
  readonly notAfterMs?: number;
};

/** Signs assertions. */
export interface SigningKey {
  /** PKCS#8 in PEM, not encrypted. */
  readonly key: Secret;
  /** PEM; null: the receiver knows which key it is. */
  readonly certificate: string | null;
}

export interface PrivateKeyJwt {
  readonly signingKey: SigningKey;
  /** For RSA keys. */
  readonly algorithm: 'RS256' | 'PS256';
  readonly keyId: string | null;
  /** null: the token endpoint. */
  readonly audience: string | null;
}

/** Where the token of the user stands in a request, and who must have signed it. */
export interface UserTokenRule {
  /** null: `Authorization: Bearer`. */
  readonly header: string | null;
  /** null: whoever it is sent to verifies it; Leat vouches for nobody. */
  readonly verification: TokenVerification | null;
}

export interface TokenVerification {
  readonly issuer: string;
  readonly audience: string;
  readonly keys:
    | { readonly jwks: string }
    | {
        readonly jwksUri: string;
        /** PEM; replaces the system's roots. */
        readonly ca: string | null;
      };
}

/** The SAML 2.0 assertion that Leat signs for a user. */
export interface SamlRule {
  readonly signingKey: SigningKey;
  readonly issuer: string;
  readonly audience: string;
  readonly recipient: string;
  readonly nameIdFormat: string;
  readonly nameIdClaim: string;
  readonly authnContextClassRef: string;
  readonly attributes: readonly { readonly name: string; readonly claim: string }[];
  readonly lifetimeMs: number;
}

/** RFC 8693 §2.1. */
export interface TokenExchangeRule {
  readonly subjectTokenType: string;
  readonly requestedTokenType: string | null;
  readonly actor: {
    readonly source: { readonly header: string } | { readonly token: Secret };
    readonly tokenType: string;
  } | null;
}
