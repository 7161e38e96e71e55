// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import type { JWTPayload } from 'jose';
import type * as xmlCrypto from 'xml-crypto';
import type { SamlRule } from '../destination/authentication-parts.ts';
import { LeatError } from '../errors/leat-error.ts';
import { CLOCK_TOLERANCE_MS } from './read-user-token.ts';

const require = createRequire(import.meta.url);

const EXCLUSIVE_C14N = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const BEARER = 'urn:oasis:names:tc:SAML:2.0:cm:bearer';

export interface SamlTimes {
  /** Since the epoch. */
  readonly nowMs: number;
  readonly notOnOrAfterMs: number;
}

/**
 * A SAML 2.0 assertion about a verified user (SAML core §2, RFC 7522 §3): signed, enveloped, by RSA with SHA-256.
 * @throws USER_TOKEN_INVALID where the token lacks a claim that names the user
 */
export function signSamlAssertion(rule: SamlRule, claims: JWTPayload, times: SamlTimes): string {
  // Loaded by the first assertion: few nodes ever sign one.
  const { SignedXml } = require('xml-crypto') as typeof xmlCrypto;
  const { key, certificate } = rule.signingKey;
  const signature = new SignedXml({
    privateKey: key.reveal(),
    ...(certificate === null ? {} : { publicCert: certificate }),
    signatureAlgorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    canonicalizationAlgorithm: EXCLUSIVE_C14N,
  });
  signature.addReference({
    xpath: '/*',
    transforms: ['http://www.w3.org/2000/09/xmldsig#enveloped-signature', EXCLUSIVE_C14N],
    digestAlgorithm: 'http://www.w3.org/2001/04/xmlenc#sha256',
  });
  signature.computeSignature(assertion(rule, claims, times), {
    prefix: 'ds',
    // The schema wants it behind Issuer (SAML core §2.3.3).
    location: { reference: "/*/*[local-name(.)='Issuer']", action: 'after' },
  });
  return signature.getSignedXml();
}

function assertion(rule: SamlRule, claims: JWTPayload, { nowMs, notOnOrAfterMs }: SamlTimes): string {
  const moment = (ms: number): string => new Date(ms).toISOString();
  const end = moment(notOnOrAfterMs);
  // A receiver whose clock is behind must not take it for one of the future.
  const begin = moment(nowMs - CLOCK_TOLERANCE_MS);
  return [
    `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_${randomUUID()}" IssueInstant="${moment(nowMs)}" Version="2.0">`,
    `<saml:Issuer>${escapeXml(rule.issuer)}</saml:Issuer>`,
    `<saml:Subject><saml:NameID Format="${escapeXml(rule.nameIdFormat)}">${escapeXml(nameOf(rule, claims))}</saml:NameID>`,
    `<saml:SubjectConfirmation Method="${BEARER}"><saml:SubjectConfirmationData NotOnOrAfter="${end}" Recipient="${escapeXml(rule.recipient)}"/></saml:SubjectConfirmation></saml:Subject>`,
    `<saml:Conditions NotBefore="${begin}" NotOnOrAfter="${end}"><saml:AudienceRestriction><saml:Audience>${escapeXml(rule.audience)}</saml:Audience></saml:AudienceRestriction></saml:Conditions>`,
    `<saml:AuthnStatement AuthnInstant="${moment(nowMs)}"><saml:AuthnContext><saml:AuthnContextClassRef>${escapeXml(rule.authnContextClassRef)}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>`,
    attributes(rule, claims),
    '</saml:Assertion>',
  ].join('');
}

function nameOf({ nameIdClaim }: SamlRule, claims: JWTPayload): string {
  const value = claims[nameIdClaim];
  if (typeof value === 'string' && value !== '') return value;
  throw new LeatError('USER_TOKEN_INVALID', `the user's token has no claim "${nameIdClaim}" to name the user by`);
}

function attributes(rule: SamlRule, claims: JWTPayload): string {
  const items = rule.attributes.flatMap(({ name, claim }) => {
    const values = [claims[claim] ?? []]
      .flat()
      .filter((value) => ['string', 'number', 'boolean'].includes(typeof value));
    if (values.length === 0) return [];
    const inner = values
      .map((value) => `<saml:AttributeValue>${escapeXml(String(value))}</saml:AttributeValue>`)
      .join('');
    return [`<saml:Attribute Name="${escapeXml(name)}">${inner}</saml:Attribute>`];
  });
  return items.length === 0 ? '' : `<saml:AttributeStatement>${items.join('')}</saml:AttributeStatement>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** @throws USER_TOKEN_INVALID for what XML 1.0 can't hold, or would read as something else: only claims can bring it here */
function escapeXml(text: string): string {
  if (/[\x00-\x1f\x7f\ufffe\uffff]/.test(text) || !text.isWellFormed()) {
    throw new LeatError('USER_TOKEN_INVALID', "a claim of the user's token holds a control character");
  }
  return text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? char);
}
