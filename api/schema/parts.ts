// SPDX-License-Identifier: Apache-2.0
/**
 * Schema pieces that several kinds share. Each is a JSON schema within what a CRD's structural schema allows: no `$ref`,
 * no `oneOf`, no `patternProperties`, no `const`, everything bounded so that rules over it have a bounded cost.
 * `additionalProperties: false` stands on every object of Leat's own, so that a misspelt field is an error where Leat
 * parses; a CRD leaves it out. TypeScript types are derived from the schemas: there is no second definition.
 */
import { SECRET_KEY_DEFAULTS } from '../defaults.ts';
import { FORMATS, type Format } from './formats.ts';
import { type Static, type TProperties, type TSchema, Type } from './type.ts';

export const MAX_ITEMS = 256;

/** An object whose unknown fields are an error. */
export function closed<T extends TProperties>(properties: T, description?: string) {
  return Type.Object(properties, {
    additionalProperties: false,
    ...(description === undefined ? {} : { description }),
  });
}

/** A string from a closed list. */
export function oneOf<const T extends string[]>(values: readonly [...T], description: string) {
  return Type.Enum(values as unknown as [...T], { type: 'string', description });
}

/** A string of a format. */
export function text({ pattern, maxLength }: Format, description: string) {
  return Type.String({ pattern, maxLength, description });
}

/**
 * A list with its bounds. `key` is the field that no two entries share, or `set` where no two scalar entries are equal: the
 * API server refuses what breaks it, and merges by it.
 */
export function listOf<T extends TSchema>(
  items: T,
  { key, ...bounds }: { minItems?: number; maxItems: number; key?: string },
  description: string,
) {
  const uniqueness =
    key === undefined
      ? {}
      : key === 'set'
        ? { 'x-kubernetes-list-type': 'set' }
        : { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] };
  return Type.Array(items, { ...bounds, ...uniqueness, description });
}

/** A choice that is made by writing it: `false` is not the opposite of it. */
export function onlyTrue(description: string) {
  return Type.Unsafe<true>({ type: 'boolean', enum: [true], description });
}

/** Strings by any key. Not `Type.Record`, which makes `patternProperties`. */
export function textMap(
  description: string,
  values: { pattern?: string; maxLength?: number } = {},
  bounds: { maxProperties?: number } = {},
) {
  return Type.Unsafe<Record<string, string>>({
    type: 'object',
    additionalProperties: { type: 'string', ...values },
    ...bounds,
    description,
  });
}

/** A duration in milliseconds. */
export function durationMs(minimum: number, maximum: number, description: string) {
  return Type.Integer({ minimum, maximum, description });
}

/** A TCP port, 1 to 65535. */
export function port(description: string) {
  return Type.Integer({ minimum: 1, maximum: 65535, description });
}

/** `port`, or `port` to `endPort`, as in NetworkPolicy. */
export const PortRange = closed(
  {
    port: port('TCP port, or the first of a range'),
    endPort: Type.Optional(port('last port of the range')),
  },
  'a port, or a range of ports',
);
export type PortRange = Static<typeof PortRange>;

/** One value of a Secret of the resource's own namespace (cluster kinds: of Leat's namespace). No field names another one. */
export const SecretValue = closed(
  {
    name: text(FORMATS.resourceName, 'name of the Secret'),
    key: text(FORMATS.secretKey, 'key in the Secret'),
  },
  'one value of a Secret in the namespace of the resource, released by its label',
);
export type SecretValue = Static<typeof SecretValue>;

/** Name of a Secret; `holds` completes "Secret that holds ...". */
export function secretName(holds: string) {
  return text(
    FORMATS.resourceName,
    `Secret that holds ${holds}; in the namespace of the resource, released by its label`,
  );
}

/** Key of a Secret that may be left out; `fallback` is its default. */
export function secretKey(of: string, fallback: string) {
  return Type.Optional(text(FORMATS.secretKey, `key of ${of} in the Secret. Default ${fallback}.`));
}

/** A value of a Secret for a certain purpose. */
export function secretValue(description: string) {
  return closed(SecretValue.properties, description);
}

/** PEM certificates that replace the system's roots. */
export const CertificateAuthority = secretValue("certificates (PEM) that replace the system's roots");

/** Kubernetes' LabelSelector. An empty one selects nothing here: "all" has to be written. */
export const LabelSelector = closed(
  {
    matchLabels: Type.Optional(
      textMap(
        'labels and the values they must have',
        { pattern: FORMATS.labelValue.pattern, maxLength: FORMATS.labelValue.maxLength },
        { maxProperties: 64 },
      ),
    ),
    matchExpressions: Type.Optional(
      listOf(
        closed({
          key: text(FORMATS.labelKey, 'key of the label'),
          operator: oneOf(['In', 'NotIn', 'Exists', 'DoesNotExist'], 'relation of the label to the values'),
          values: Type.Optional(
            listOf(text(FORMATS.labelValue, 'value of the label'), { maxItems: MAX_ITEMS }, 'for In and NotIn only'),
          ),
        }),
        { maxItems: 32 },
        'conditions that must all hold, as must matchLabels',
      ),
    ),
  },
  'labels that must hold; an empty selector is refused',
);
export type LabelSelector = Static<typeof LabelSelector>;

/** Exactly one of the fields. */
export const NamespaceSelector = closed(
  {
    all: Type.Optional(onlyTrue('every namespace')),
    names: Type.Optional(
      listOf(
        text(FORMATS.namespaceName, 'name of a namespace'),
        { minItems: 1, maxItems: MAX_ITEMS },
        'these namespaces',
      ),
    ),
    selector: Type.Optional(LabelSelector),
  },
  'namespaces: exactly one of all, names and selector',
);
export type NamespaceSelector = Static<typeof NamespaceSelector>;

/** `all`, or at least one of the others; where both are given both must hold. */
export const WorkloadSelector = closed(
  {
    all: Type.Optional(onlyTrue('every workload of the namespaces')),
    podSelector: Type.Optional(LabelSelector),
    serviceAccounts: Type.Optional(
      listOf(
        text(FORMATS.resourceName, 'name of a service account'),
        { minItems: 1, maxItems: MAX_ITEMS },
        'pods that run under one of these service accounts',
      ),
    ),
  },
  'workloads that may use it: all, or podSelector, serviceAccounts or both, which must both hold',
);
export type WorkloadSelector = Static<typeof WorkloadSelector>;

/** User name and password from one Secret; the default keys are those of the type kubernetes.io/basic-auth. */
export const UserPassword = closed(
  {
    secret: secretName('user name and password'),
    usernameKey: secretKey('the user name', SECRET_KEY_DEFAULTS.username),
    passwordKey: secretKey('the password', SECRET_KEY_DEFAULTS.password),
  },
  'user name and password from one Secret',
);

/** Kubernetes ObjectMeta, as far as Leat reads it. Everything else in it is passed over. */
export const ObjectMeta = Type.Object({
  name: text(FORMATS.resourceName, 'name, unique for the kind in its namespace'),
  namespace: Type.Optional(text(FORMATS.namespaceName, 'namespace of the resource')),
  uid: Type.Optional(Type.String({ minLength: 1, maxLength: 400, description: 'set by the API server' })),
  labels: Type.Optional(textMap('labels', { maxLength: 63 })),
  annotations: Type.Optional(textMap('annotations')),
  creationTimestamp: Type.Optional(text(FORMATS.timestamp, 'set by the API server; the older of two equals wins')),
  deletionTimestamp: Type.Optional(text(FORMATS.timestamp, 'set by the API server')),
  generation: Type.Optional(Type.Integer({ description: 'set by the API server' })),
  resourceVersion: Type.Optional(Type.String({ description: 'set by the API server' })),
});
export type ObjectMeta = Static<typeof ObjectMeta>;
