// SPDX-License-Identifier: Apache-2.0
/**
 * Schema pieces that several kinds share. Each is a JSON schema within what a CRD's structural schema allows (no `$ref`,
 * no `oneOf` that defines fields); `additionalProperties: false` stands on every object, so that a misspelt field is
 * an error where Leat parses. TypeScript types are derived from the schemas: there is no second definition.
 */
import Type, { type Static, type TProperties } from 'typebox';

/** An object whose unknown fields are an error. */
export function closed<T extends TProperties>(properties: T, options: { description?: string } = {}) {
  return Type.Object(properties, { additionalProperties: false, ...options });
}

/** A string from a closed list. */
export function oneOf<const T extends string[]>(values: readonly [...T], description: string) {
  return Type.Enum(values as unknown as [...T], { type: 'string', description });
}

export const MAX_ITEMS = 256;

/** RFC 1123 host name in lower case, at least one label; up to 253 characters. */
const LABEL = '[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?';
export const HostName = Type.String({
  pattern: `^${LABEL}(\\.${LABEL})*$`,
  maxLength: 253,
  description: 'host name in lower case (RFC 1123); international names as A-labels (xn--)',
});

/** A host name, or `*.suffix`: one or more labels in front of the suffix, not the suffix itself. */
export const HostPattern = Type.String({
  pattern: `^(\\*|(\\*\\.)?${LABEL}(\\.${LABEL})*)$`,
  maxLength: 255,
  description: 'host name in lower case, or *.suffix for one or more labels in front of it',
});

/** A host name or an IP address. */
export const HostOrAddress = Type.String({
  pattern: `^(${LABEL}(\\.${LABEL})*|[0-9a-f:.]+)$`,
  maxLength: 253,
  description: 'host name in lower case, or an IP address',
});

export const Port = Type.Integer({ minimum: 1, maximum: 65535, description: 'TCP port' });

/** `port`, or `port` to `endPort`, as in NetworkPolicy. */
export const PortRange = closed({ port: Port, endPort: Type.Optional(Port) });
export type PortRange = Static<typeof PortRange>;

export const Cidr = Type.String({
  pattern: '^[0-9a-f:.]+/[0-9]{1,3}$',
  maxLength: 49,
  description: 'range of addresses, for example 10.0.0.0/8 or fd00::/8',
});

export const ResourceName = Type.String({
  pattern: `^${LABEL}(\\.${LABEL})*$`,
  maxLength: 253,
  description: 'name of a Kubernetes object',
});

export const SecretKey = Type.String({
  pattern: '^[-._a-zA-Z0-9]+$',
  maxLength: 253,
  description: 'key in the Secret',
});

/** One value of a Secret of the resource's own namespace (cluster kinds: of Leat's namespace). No field names another one. */
export const SecretValue = closed({ name: ResourceName, key: SecretKey });
export type SecretValue = Static<typeof SecretValue>;

const Labels = Type.Record(Type.String(), Type.String({ maxLength: 63 }));

/** Kubernetes' LabelSelector. An empty one selects nothing here: "all" has to be written. */
export const LabelSelector = closed({
  matchLabels: Type.Optional(Labels),
  matchExpressions: Type.Optional(
    Type.Array(
      closed({
        key: Type.String({ minLength: 1, maxLength: 317 }),
        operator: oneOf(['In', 'NotIn', 'Exists', 'DoesNotExist'], 'relation of the key to the values'),
        values: Type.Optional(Type.Array(Type.String({ maxLength: 63 }), { maxItems: MAX_ITEMS })),
      }),
      { maxItems: 32 },
    ),
  ),
});
export type LabelSelector = Static<typeof LabelSelector>;

/** Exactly one of the fields. */
export const NamespaceSelector = closed({
  all: Type.Optional(Type.Literal(true)),
  names: Type.Optional(Type.Array(ResourceName, { minItems: 1, maxItems: MAX_ITEMS })),
  selector: Type.Optional(LabelSelector),
});
export type NamespaceSelector = Static<typeof NamespaceSelector>;

/** `all`, or at least one of the others; where both are given both must hold. */
export const WorkloadSelector = closed({
  all: Type.Optional(Type.Literal(true)),
  podSelector: Type.Optional(LabelSelector),
  serviceAccounts: Type.Optional(Type.Array(ResourceName, { minItems: 1, maxItems: MAX_ITEMS })),
});
export type WorkloadSelector = Static<typeof WorkloadSelector>;

/** User name and password from one Secret; the default keys are those of the type kubernetes.io/basic-auth. */
export const UserPassword = closed({
  secret: ResourceName,
  usernameKey: Type.Optional(SecretKey),
  passwordKey: Type.Optional(SecretKey),
});

/** Header field name: RFC 9110 §5.1 token. */
export const HeaderName = Type.String({ pattern: "^[-!#$%&'*+.^_`|~0-9A-Za-z]+$", maxLength: 128 });
/** Field value without control characters (RFC 9110 §5.5). */
export const HeaderValue = Type.String({ pattern: '^[\\t\\x20-\\x7e\\x80-\\xff]*$', maxLength: 8192 });

/** OAuth 2.0 client credentials grant (RFC 6749 §4.4). */
export const OAuth2Client = closed({
  tokenUrl: Type.String({ pattern: '^https?://', maxLength: 2048, description: 'token endpoint' }),
  secret: Type.String({ maxLength: 253, description: 'Secret that holds client id and client secret' }),
  clientIdKey: Type.Optional(SecretKey),
  clientSecretKey: Type.Optional(SecretKey),
  clientAuthentication: Type.Optional(
    oneOf(['Body', 'Basic'], 'where the client secret goes: request body (default) or Authorization header'),
  ),
  scope: Type.Optional(Type.String({ maxLength: 1024, description: 'space-separated scopes' })),
  parameters: Type.Optional(
    Type.Array(
      closed({ name: Type.String({ minLength: 1, maxLength: 128 }), value: Type.String({ maxLength: 2048 }) }),
      {
        maxItems: 32,
        description: 'further parameters of the token request, for example audience or resource',
      },
    ),
  ),
  ca: Type.Optional(SecretValue),
  allowCleartext: Type.Optional(Type.Boolean({ description: 'permit an http:// token endpoint; default false' })),
});
export type OAuth2Client = Static<typeof OAuth2Client>;

/** Kubernetes ObjectMeta, as far as Leat reads it. Everything else in it is passed over. */
export const ObjectMeta = Type.Object({
  name: ResourceName,
  namespace: Type.Optional(ResourceName),
  uid: Type.Optional(Type.String()),
  labels: Type.Optional(Labels),
  annotations: Type.Optional(Type.Record(Type.String(), Type.String())),
  creationTimestamp: Type.Optional(Type.String()),
  deletionTimestamp: Type.Optional(Type.String()),
  generation: Type.Optional(Type.Integer()),
  resourceVersion: Type.Optional(Type.String()),
});
export type ObjectMeta = Static<typeof ObjectMeta>;
