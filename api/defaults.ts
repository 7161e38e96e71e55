// SPDX-License-Identifier: Apache-2.0
/** What holds where a resource leaves a field out. Not `default` in the schemas: an API server would write it down forever. */

export const DESTINATION_DEFAULTS = {
  addresses: 'Synthetic',
  /** Port of the upstream where Leat originates TLS and none is given; else the port that was asked. */
  tlsUpstreamPort: 443,
  connectMs: 10_000,
  responseMs: 60_000,
  idleMs: 3_600_000,
  retryCount: 0,
  retryStatuses: [502, 503, 504],
  overridable: true,
} as const;

export const TUNNEL_DEFAULTS = {
  connectMs: 5_000,
  handshakeMs: 10_000,
  /** SAP Help, "Using the Connectivity Proxy": lines and header of HTTP. */
  maxRequestHeadBytes: 8_192,
} as const;

/** Keys of Secrets: those of kubernetes.io/basic-auth and kubernetes.io/tls, and the parameter names of RFC 6749. */
export const SECRET_KEY_DEFAULTS = {
  username: 'username',
  password: 'password',
  certificate: 'tls.crt',
  privateKey: 'tls.key',
  clientId: 'client_id',
  clientSecret: 'client_secret',
} as const;

export const OAUTH2_DEFAULTS = { clientAuthentication: 'Body', timeoutMs: 10_000 } as const;

export const SAML_DEFAULTS = {
  lifetimeMs: 300_000,
  authnContextClassRef: 'urn:oasis:names:tc:SAML:2.0:ac:classes:PreviousSession',
  nameIdFormat: 'urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified',
  nameIdClaim: 'user_name',
} as const;

/** Of the Service of an entry or a gateway: what the entry's own port is, nobody knows before it was fetched. */
export const SERVICE_PORT_OF_ENTRIES = 80;

export const SOURCE_DEFAULTS = { requestMs: 10_000 } as const;

export const NODE_POLICY_DEFAULTS = {
  admit: true,
  defaultAction: 'Allow',
  optOut: 'Forbidden',
  connectionsPerPod: 4096,
  accessLog: 'All',
  failure: 'ClosedKnown',
} as const;
