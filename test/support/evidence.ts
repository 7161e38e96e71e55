// SPDX-License-Identifier: Apache-2.0
/**
 * What a test run leaves for the search at its end (search-evidence.ts): everything that Leat wrote, answered or published,
 * and every secret that was used. Both are kept in the folder that LEAT_EVIDENCE names; without it nothing is kept.
 */
import { subscribe } from 'node:diagnostics_channel';
import { appendFileSync, mkdirSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';

/** Of what kind a text is that Leat wrote. */
export type EvidenceKind = 'log' | 'admin' | 'answer' | 'record' | 'status';

const folder = process.env.LEAT_EVIDENCE;
/** A program that writes more than this tells the same thing again and again. */
const MAX_FILE_BYTES = 16 * 1_048_576;
/** Shorter ones stand in any text by chance. */
const MIN_SECRET_LENGTH = 8;

let count = 0;

/** Where one program's output is kept, piece by piece; null where nothing is kept. `title` says whose it is. */
export function keepOutput(kind: EvidenceKind, title: string): ((text: string) => void) | null {
  if (folder === undefined) return null;
  const write = appender(`${kind}-${process.pid}-${++count}`);
  write(`# ${title}\n`);
  return write;
}

const files = new Map<EvidenceKind, (text: string) => void>();

/** Keeps a text of Leat's that stands by itself: an answer, a scrape, a record. */
export function keepText(kind: EvidenceKind, text: string): void {
  if (folder === undefined) return;
  let write = files.get(kind);
  if (write === undefined) {
    write = appender(`${kind}-${process.pid}`);
    files.set(kind, write);
  }
  write(`${text}\n`);
}

/** A file of its own for a program that writes by itself; null where nothing is kept. */
export function evidenceFile(kind: EvidenceKind): string | null {
  return folder === undefined ? null : join(folder, `${kind}-${process.pid}-${++count}`);
}

const known = new Set<string>();
let writeSecret: ((text: string) => void) | null = null;

/** Notes a secret that a test uses, or that a server of the tests gave out. */
export function noteSecret(name: string, value: string): void {
  if (folder === undefined || value.length < MIN_SECRET_LENGTH || known.has(value)) return;
  known.add(value);
  writeSecret ??= appender(`secrets-${process.pid}.jsonl`);
  writeSecret(`${JSON.stringify({ name, value })}\n`);
}

interface Resource {
  readonly kind?: string;
  readonly metadata?: { readonly namespace?: string; readonly name?: string } | undefined;
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
}

/** Keys of Secrets that hold what everybody may know. */
const PUBLIC_KEY =
  /^(?:.*\.crt|ca|.*certificate|.*jwks|user(?:name)?|.*ur[li]|.*domain|.*zone|.*id|.*name|.*mode|.*type|.*endpoint|verification_?key)$/i;

/** Notes the values of every Secret among resources, with those inside of values that are JSON (service bindings). */
export function noteSecretsOf(resources: readonly unknown[]): void {
  for (const resource of resources as readonly (Resource | null)[]) {
    if (resource?.kind !== 'Secret') continue;
    const { metadata, data = {}, stringData = {} } = resource;
    const name = `${metadata?.namespace}/${metadata?.name}`;
    for (const [key, value] of Object.entries(stringData)) noteValue(`${name} ${key}`, key, value);
    for (const [key, value] of Object.entries(data)) {
      const bytes = Buffer.from(value, 'base64');
      const text = bytes.toString('utf8');
      // A file that is no text, such as PKCS#12, can only be shown encoded.
      noteValue(`${name} ${key}`, key, Buffer.from(text).equals(bytes) ? text : value);
    }
  }
}

function noteValue(name: string, key: string, value: string): void {
  if (PUBLIC_KEY.test(key) || value.startsWith('-----BEGIN CERTIFICATE')) return;
  if (!value.startsWith('{')) {
    noteSecret(name, value);
    return;
  }
  try {
    for (const [field, inner] of Object.entries(JSON.parse(value) as Record<string, unknown>)) {
      if (typeof inner === 'string') noteValue(`${name}.${field}`, field, inner);
    }
  } catch {
    noteSecret(name, value);
  }
}

/** Header fields that hold credentials, whoever sends them to whom. */
const CREDENTIAL_FIELD =
  /^(?:(?:proxy-)?authorization|sap-connectivity-(?:technical-)?authentication|x-(?:user|refresh|subject|actor)-token|x-code|x-api-key|x-client-assertion)$/i;

/** The credential of a field: what stands behind its scheme; of Basic, the password. */
export function noteCredential(name: string, field: string): void {
  const value = field.slice(field.lastIndexOf(' ') + 1);
  noteSecret(name, value);
  if (/^basic /i.test(field))
    noteSecret(
      name,
      Buffer.from(value, 'base64')
        .toString('utf8')
        .replace(/^[^:]*:/, ''),
    );
}

if (folder !== undefined) {
  mkdirSync(folder, { recursive: true });
  // Every server of http in the tests: upstreams and token servers see what Leat sends, the service under test what an application sends.
  subscribe('http.server.request.start', (message) => {
    const { rawHeaders } = (message as { request: IncomingMessage }).request;
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = rawHeaders[i] ?? '';
      if (CREDENTIAL_FIELD.test(name)) noteCredential(name, rawHeaders[i + 1] ?? '');
    }
  });
}

function appender(name: string): (text: string) => void {
  const path = join(folder ?? '', name);
  let left = MAX_FILE_BYTES;
  return (text) => {
    if (left <= 0) return;
    left -= text.length;
    appendFileSync(path, left > 0 ? text : `${text}\n# not kept any further\n`, { mode: 0o600 });
  };
}
