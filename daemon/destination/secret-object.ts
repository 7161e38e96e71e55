// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';

/** Reads one text of a JSON object; null: it is not there, or no text. */
export type FieldOf = (name: string) => string | null;

export interface SecretObject {
  readonly optional: FieldOf;
  /** @throws SECRET_INVALID where it is missing or empty */
  readonly field: (name: string) => string;
}

export interface JsonSecretObject extends SecretObject {
  /** Texts of a list; empty: it is not there, or no list. */
  readonly list: (name: string) => readonly string[];
}

/** A JSON object in a value of a Secret. Messages hold nothing of it. @throws SECRET_INVALID */
export function readSecretObject(text: string, what: string): JsonSecretObject {
  const fields = parseObject(text);
  if (fields === null) throw new LeatError('SECRET_INVALID', `${what} is no JSON object`);
  const fieldNamed = (name: string): unknown => (Object.hasOwn(fields, name) ? fields[name] : null);
  const optional: FieldOf = (name) => {
    const value = fieldNamed(name);
    return typeof value === 'string' ? value : null;
  };
  const list = (name: string): readonly string[] => {
    const value = fieldNamed(name);
    return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
  };
  return { ...requireFields(optional, what), list };
}

/** An object whose `field` throws SECRET_INVALID where there is none, or an empty one; `what` names it in the message. */
export function requireFields(optional: FieldOf, what: string): SecretObject {
  return {
    optional,
    field(name) {
      const value = optional(name);
      if (value !== null && value !== '') return value;
      throw new LeatError('SECRET_INVALID', `${what} has no field ${name}`);
    },
  };
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    // Told without its text, which may be a secret.
    return null;
  }
}
