// SPDX-License-Identifier: Apache-2.0
/**
 * Rules in CEL about parts that several kinds have. Each says what a function of api/rules says, in the core of the language:
 * what an API server of 1.25 knows. A field that may be missing is asked with has().
 */
import type { CelRule } from '../schema/cel-rule.ts';
import type { FieldsOfType } from './choices.ts';

/** A list of CEL. */
function listOfWords(words: readonly string[]): string {
  return `[${words.map((word) => `'${word}'`).join(', ')}]`;
}

/** {@link ./choices.ts fieldsOfItsType}: one rule for each field. */
export function celFieldsOfItsType(path: string, table: Readonly<Record<string, FieldsOfType<string>>>): CelRule[] {
  const fields = new Set(
    Object.values(table).flatMap(({ required = [], optional = [] }) => [...required, ...optional]),
  );
  return [...fields].map((field) => {
    const typesWith = (kinds: readonly (keyof FieldsOfType<string>)[]) =>
      Object.keys(table).filter((type) => kinds.some((kind) => table[type]?.[kind]?.includes(field)));
    const needing = typesWith(['required']);
    const having = typesWith(['required', 'optional']);
    const belongs = `self.type in ${listOfWords(having)}`;
    const message = `${field} belongs to type ${having.join(' or ')}`;
    if (needing.length === 0) return { path, rule: `!has(self.${field}) || ${belongs}`, message };
    const needers = needing.length === having.length ? 'it' : needing.join(' and ');
    return {
      path,
      rule: `has(self.${field}) ? ${belongs} : !(self.type in ${listOfWords(needing)})`,
      message: `${message}, and is required for ${needers}`,
    };
  });
}

/** {@link ./choices.ts exactlyOneOf}, of value and secret. */
export function celValueOrSecret(path: string): CelRule[] {
  return [{ path, rule: 'has(self.value) != has(self.secret)', message: 'must have exactly one of value, secret' }];
}

/** {@link ./selectors.ts checkLabelSelector} */
export function celLabelSelector(path: string): CelRule[] {
  return [
    {
      path,
      rule: '(has(self.matchLabels) && size(self.matchLabels) > 0) || (has(self.matchExpressions) && size(self.matchExpressions) > 0)',
      message: 'selects nothing: give matchLabels or matchExpressions, or "all: true" in its place',
    },
    {
      path: `${path}.matchExpressions[]`,
      rule: "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
      message: 'values is required for operators In and NotIn, and must not be given for others',
    },
  ];
}

/** {@link ./selectors.ts checkNamespaceSelector} */
export function celNamespaceSelector(path: string): CelRule[] {
  return [
    {
      path,
      rule: '[has(self.all), has(self.names), has(self.selector)].exists_one(given, given)',
      message: 'must have exactly one of all, names, selector',
    },
    ...celLabelSelector(`${path}.selector`),
  ];
}

/** {@link ./selectors.ts checkWorkloadSelector} */
export function celWorkloadSelector(path: string): CelRule[] {
  return [
    {
      path,
      rule: 'has(self.all) != (has(self.podSelector) || has(self.serviceAccounts))',
      message: 'must have either all, or podSelector, serviceAccounts or both',
    },
    ...celLabelSelector(`${path}.podSelector`),
  ];
}

/** {@link ./addresses.ts checkPortRanges} */
export function celPortRange(path: string): CelRule[] {
  return [{ path, rule: '!has(self.endPort) || self.endPort >= self.port', message: 'endPort must not be below port' }];
}

/** {@link ./credential-parts.ts checkTlsIdentity} */
export function celTlsIdentity(path: string): CelRule[] {
  return [
    {
      path,
      rule: '!has(self.pkcs12Key) || !(has(self.certificateKey) || has(self.keyKey))',
      message: 'certificateKey and keyKey must not stand beside pkcs12Key, which holds both',
    },
  ];
}

/** {@link ./oauth2-client.ts checkOAuth2Client} */
export function celOAuth2Client(path: string): CelRule[] {
  return [
    {
      path,
      rule: '!(has(self.clientId) && has(self.clientIdKey))',
      message: 'clientIdKey stands beside clientId: remove one of the two',
    },
    {
      path,
      rule: "has(self.privateKeyJwt) == (has(self.clientAuthentication) && self.clientAuthentication == 'PrivateKeyJwt')",
      message: 'privateKeyJwt belongs to clientAuthentication PrivateKeyJwt, and is required for it',
    },
    {
      path,
      rule: "has(self.clientCertificate) || !has(self.clientAuthentication) || self.clientAuthentication != 'MutualTls'",
      message: 'clientCertificate is required for clientAuthentication MutualTls',
    },
    {
      path,
      rule: '!has(self.locationId) || has(self.tunnel)',
      message: 'locationId belongs to tunnel, which is not given',
    },
    ...celValueOrSecret(`${path}.headers[]`),
    ...celValueOrSecret(`${path}.queries[]`),
    ...celTlsIdentity(`${path}.clientCertificate`),
  ];
}
