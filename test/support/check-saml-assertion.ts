// SPDX-License-Identifier: Apache-2.0
import { SignedXml } from 'xml-crypto';

export interface ExpectedSaml {
  /** PEM, of the key that must have signed. */
  readonly certificate: string;
  readonly issuer: string;
  readonly audience: string;
  readonly recipient: string;
}

export interface CheckedSaml {
  readonly nameId: string;
  readonly format: string;
  readonly notOnOrAfterMs: number;
  /** What was signed, canonical. */
  readonly signed: string;
}

/**
 * What a receiver of RFC 7522 §3 demands: one assertion, the signature over all of it and by the one key, bearer, issuer,
 * audience, recipient and times. Reads only what was signed. @throws Error that says what does not hold
 */
export function checkSamlAssertion(xml: string, expected: ExpectedSaml): CheckedSaml {
  const [signatureXml, ...more] = xml.match(/<ds:Signature[\s>][\s\S]*?<\/ds:Signature>/g) ?? [];
  if (signatureXml === undefined || more.length > 0) throw new Error('one signature');
  const signature = new SignedXml({ publicCert: expected.certificate, getCertFromKeyInfo: () => null });
  signature.loadSignature(signatureXml);
  if (!signature.checkSignature(xml)) throw new Error('the signature does not hold');
  const [signed, ...others] = signature.getSignedReferences();
  if (signed === undefined || others.length > 0) throw new Error('one reference');
  if (!signed.startsWith('<saml:Assertion ') || !xml.startsWith('<saml:Assertion '))
    throw new Error('the whole assertion is signed');
  if (!/<\/saml:Issuer><ds:Signature/.test(xml)) throw new Error('Signature stands behind Issuer');

  const one = (pattern: RegExp): string => {
    const found = [...signed.matchAll(new RegExp(pattern, 'g'))];
    if (found.length !== 1) throw new Error(`one ${pattern.source}`);
    return unescapeXml(found[0]?.[1] ?? '');
  };
  const equal = (what: string, value: string, wanted: string): void => {
    if (value !== wanted) throw new Error(`${what} is ${value}`);
  };
  equal('Issuer', one(/<saml:Issuer>([^<]*)</), expected.issuer);
  equal('Audience', one(/<saml:Audience>([^<]*)</), expected.audience);
  equal('Recipient', one(/Recipient="([^"]*)"/), expected.recipient);
  equal('Method', one(/<saml:SubjectConfirmation Method="([^"]*)"/), 'urn:oasis:names:tc:SAML:2.0:cm:bearer');
  const nowMs = Date.now();
  if (Date.parse(one(/NotBefore="([^"]*)"/)) > nowMs) throw new Error('NotBefore');
  const ends = [...signed.matchAll(/NotOnOrAfter="([^"]*)"/g)].map(([, moment]) => Date.parse(moment ?? ''));
  if (ends.length !== 2 || !ends.every((end) => end > nowMs)) throw new Error('NotOnOrAfter of both');
  one(/<saml:AuthnContextClassRef>([^<]*)</);
  return {
    nameId: one(/<saml:NameID Format="[^"]*">([^<]*)</),
    format: one(/<saml:NameID Format="([^"]*)"/),
    notOnOrAfterMs: Math.min(...ends),
    signed,
  };
}

function unescapeXml(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&');
}
