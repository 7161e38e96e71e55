// SPDX-License-Identifier: Apache-2.0
/** Rules about certificates and about the token of the application's user. */
import { type FieldPath, type FieldProblem, problemAt } from '../field-problem.ts';
import type { DestinationSpec } from '../kinds/destination.ts';
import type { TlsIdentity } from '../schema/credential-parts.ts';
import { checkHeaderName } from './added-fields.ts';

/** A key store stands alone; it holds certificate and key both. */
export function checkTlsIdentity(identity: TlsIdentity, path: FieldPath): FieldProblem[] {
  if (identity.pkcs12Key === undefined) return [];
  return (['certificateKey', 'keyKey'] as const)
    .filter((field) => identity[field] !== undefined)
    .map((field) => problemAt([...path, field], 'stands beside pkcs12Key, which holds both: remove one of the two'));
}

/** Leat signs for these: whoever can make up a user token could be anybody at the target. */
const VOUCHED = new Set(['OAuth2SamlBearer', 'SamlAssertion']);
/** What the user gives is for the token service alone, and need not be a JWT. */
const OPAQUE = new Set(['OAuth2RefreshToken', 'OAuth2AuthorizationCode']);

/** How the user's token is verified is said where Leat vouches for the user, and nowhere that it would not be looked at. */
export function checkUserToken(
  { type, userToken }: DestinationSpec['authentication'],
  parent: FieldPath,
): FieldProblem[] {
  if (userToken === undefined) return [];
  const path = [...parent, 'userToken'];
  const verifying = (['issuer', 'audience', 'jwks', 'jwksUri', 'ca'] as const).filter(
    (field) => userToken[field] !== undefined,
  );
  const problems = userToken.header === undefined ? [] : checkHeaderName(userToken.header, [...path, 'header']);
  if (OPAQUE.has(type)) {
    return [
      ...problems,
      ...verifying.map((field) => problemAt([...path, field], `can't be checked for type ${type}: it is no JWT`)),
    ];
  }
  if (verifying.length === 0 && !VOUCHED.has(type)) return problems;
  const why = VOUCHED.has(type) ? `is required for type ${type}: Leat vouches for the user` : 'is required beside it';
  for (const field of ['issuer', 'audience'] as const) {
    if (userToken[field] === undefined) problems.push(problemAt([...path, field], why));
  }
  return [...problems, ...checkVerifyingKeys(userToken, path)];
}

/** The keys by which a token of a user is verified: exactly one place, and one that nobody else can write to. */
export function checkVerifyingKeys(
  { jwks, jwksUri, ca }: Pick<NonNullable<DestinationSpec['authentication']['userToken']>, 'jwks' | 'jwksUri' | 'ca'>,
  path: FieldPath,
): FieldProblem[] {
  const problems: FieldProblem[] = [];
  if ((jwks === undefined) === (jwksUri === undefined)) {
    problems.push(problemAt(path, 'must have exactly one of jwks, jwksUri'));
  }
  if (jwks !== undefined && !isKeySet(jwks)) {
    problems.push(problemAt([...path, 'jwks'], 'is no JSON Web Key Set: {"keys": [...]} with at least one key'));
  }
  if (jwksUri !== undefined && URL.parse(jwksUri)?.protocol !== 'https:') {
    problems.push(
      problemAt([...path, 'jwksUri'], 'must be a URL of https://: who can change the keys can be any user'),
    );
  }
  if (ca !== undefined && jwksUri === undefined) {
    problems.push(problemAt([...path, 'ca'], 'belongs to jwksUri, which is not given'));
  }
  return problems;
}

function isKeySet(text: string): boolean {
  try {
    const { keys } = JSON.parse(text) as { keys?: unknown };
    return Array.isArray(keys) && keys.length > 0 && keys.every((key) => typeof key === 'object' && key !== null);
  } catch {
    // No JSON.
    return false;
  }
}
