// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { Secret } from './secret.ts';

/**
 * SHA-256 over facts of any shape, Secrets by their value: what differs in anything has another digest. Functions are no
 * facts and are passed over.
 */
export function digestOf(facts: unknown): string {
  return createHash('sha256').update(JSON.stringify(facts, reveal)).digest('base64url');
}

/** A Secret hides itself from JSON before the replacer sees it; its holder still has it. A list keeps it apart from text. */
function reveal(this: unknown, name: string, value: unknown): unknown {
  const original = (this as Readonly<Record<string, unknown>>)[name];
  return original instanceof Secret ? ['secret', original.reveal()] : value;
}
