// SPDX-License-Identifier: Apache-2.0

import type { EntryLabels } from '../destination/destination.ts';
import { Secret } from '../destination/secret.ts';
import { LeatError } from '../errors/leat-error.ts';

/** What the service says of an entry (SAP Help, "Destination Service REST API"). */
export interface ServiceAnswer {
  readonly configuration: Readonly<Record<string, string>>;
  readonly tokens: readonly AuthToken[];
  readonly certificates: readonly { readonly name: string; readonly content: Buffer }[];
  /** Whether it is the instance's own; missing: not said. */
  readonly isOfInstance?: boolean;
  /** Missing: not asked for. */
  readonly labels?: EntryLabels;
}

export type AuthToken =
  | { readonly name: string; readonly value: Secret; readonly lifetimeMs: number | null }
  /** The service answers 200 also where it got no token; its words are not repeated, they may hold one. */
  | { readonly failedWithStatus: number | null };

/** @throws DESTINATION_ENTRY_INVALID for what is no such answer. Nothing of its text is in the message. */
export function parseServiceAnswer(text: string): ServiceAnswer {
  const root = objectOf(parseJson(text), 'no JSON object');
  const configuration = objectOf(root.destinationConfiguration, 'no destinationConfiguration');
  return {
    configuration: readProperties(configuration),
    tokens: listOf(root.authTokens, 'authTokens').map(parseToken),
    certificates: listOf(root.certificates, 'certificates').map(readCertificate),
    ...ownerOf(root.owner),
  };
}

function ownerOf(owner: unknown): { readonly isOfInstance?: boolean } {
  if (typeof owner !== 'object' || owner === null) return {};
  return { isOfInstance: typeof (owner as Record<string, unknown>).InstanceId === 'string' };
}

/** Labels of an entry: `[{ key, values }]`. @throws as {@link parseServiceAnswer} */
export function parseLabels(text: string): EntryLabels {
  const list = parseJson(text);
  if (!Array.isArray(list)) throw invalid('no JSON list of labels');
  return Object.fromEntries(
    list.map((item) => {
      const { key, values } = objectOf(item, 'a label that is no object');
      if (typeof key !== 'string') throw invalid('a label without key');
      return [key, listOf(values, 'values of a label').filter((value) => typeof value === 'string')];
    }),
  );
}

/** One page of a list of entries: properties alone, without tokens and certificates. @throws as {@link parseServiceAnswer} */
export function parseServiceList(text: string): readonly ServiceAnswer['configuration'][] {
  const list = parseJson(text);
  if (!Array.isArray(list)) throw invalid('no JSON list');
  return list.map((item) => readProperties(objectOf(item, 'an entry that is no object')));
}

/** @throws as {@link parseServiceAnswer} */
export function parseCertificate(text: string): ServiceAnswer['certificates'][number] {
  return readCertificate(parseJson(text));
}

function readProperties(properties: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(properties).flatMap(([name, value]) =>
      typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
        ? [[name, String(value)]]
        : [],
    ),
  );
}

function readCertificate(item: unknown): ServiceAnswer['certificates'][number] {
  const { Name: name, Content: content } = objectOf(item, 'a certificate that is no object');
  if (typeof name !== 'string' || typeof content !== 'string') throw invalid('a certificate without name or content');
  return { name, content: Buffer.from(content, 'base64') };
}

function parseToken(item: unknown): AuthToken {
  const token = objectOf(item, 'a token that is no object');
  if (typeof token.error === 'string' && token.error !== '') {
    const status = /\b(?:status|code)\D{0,20}([1-5]\d\d)\b/i.exec(token.error)?.[1];
    return { failedWithStatus: status === undefined ? null : Number(status) };
  }
  const { name, value } = headerOf(token);
  // What could end a header field is no token (RFC 9110 §5.5, §5.6.2).
  if (!/^[-!#$%&'*+.^_`|~0-9A-Za-z]+$/.test(name) || !/^[!-~]+(?: [!-~]+)*$/.test(value)) {
    throw invalid("a token that can't stand in a header");
  }
  return { name, value: new Secret(value), lifetimeMs: lifetimeOf(token.expires_in) };
}

function headerOf({ http_header: field, type, value }: Record<string, unknown>): { name: string; value: string } {
  if (field !== undefined && field !== null) {
    const { key, value: whole } = objectOf(field, 'a token whose http_header is no object');
    if (typeof key !== 'string' || typeof whole !== 'string') throw invalid('a token whose http_header is not whole');
    return { name: key, value: whole };
  }
  if (typeof type !== 'string' || typeof value !== 'string') throw invalid('a token without http_header and value');
  return { name: 'Authorization', value: `${type} ${value}` };
}

/** Seconds, which the service writes as text. What is no number, or none above 0, is not known. */
function lifetimeOf(seconds: unknown): number | null {
  const number = typeof seconds === 'string' && /^\d{1,9}$/.test(seconds) ? Number(seconds) : seconds;
  return typeof number === 'number' && number > 0 ? Math.min(number, MAX_LIFETIME_SECONDS) * 1000 : null;
}

const MAX_LIFETIME_SECONDS = 86_400;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Told without its text, which may hold a token.
    return null;
  }
}

function objectOf(value: unknown, otherwise: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw invalid(otherwise);
}

function listOf(value: unknown, what: string): unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw invalid(`${what} that is no list`);
}

function invalid(what: string): LeatError {
  return new LeatError('DESTINATION_ENTRY_INVALID', `the Destination service answered ${what}`);
}
