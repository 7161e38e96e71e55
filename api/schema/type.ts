// SPDX-License-Identifier: Apache-2.0
/**
 * Builders of JSON schemas, by the names and with the types of TypeBox, from which `Static` derives TypeScript's. TypeBox
 * itself stays with the developers: loading it takes a third of the memory of a daemon that does nothing.
 */
import type {
  TArray,
  TBoolean,
  TEnum,
  TInteger,
  TLiteral,
  TObject,
  TOptional,
  TProperties,
  TSchema,
  TString,
  TUnknown,
  TUnsafe,
} from 'typebox';

export type { Static, TProperties, TSchema } from 'typebox';

/** Keywords besides those that a builder writes itself. */
type Options = Readonly<Record<string, unknown>>;

/** Marks a member that may be missing; a symbol, so that the schema stays plain JSON. */
const OPTIONAL = Symbol('optional');

/** TypeBox's types also name members that only its own code looks at; what is made here is the JSON schema alone. */
function schemaOf<T extends TSchema>(schema: object): T {
  return schema as T;
}

export const Type = {
  Object: <T extends TProperties>(properties: T, options: Options = {}) => {
    const required = Object.keys(properties).filter((name) => !Object.hasOwn(properties[name] as object, OPTIONAL));
    return schemaOf<TObject<T>>({
      type: 'object',
      ...(required.length > 0 ? { required } : {}),
      properties,
      ...options,
    });
  },
  Array: <T extends TSchema>(items: T, options: Options = {}) =>
    schemaOf<TArray<T>>({ type: 'array', items, ...options }),
  String: (options: Options = {}) => schemaOf<TString>({ type: 'string', ...options }),
  Integer: (options: Options = {}) => schemaOf<TInteger>({ type: 'integer', ...options }),
  Boolean: (options: Options = {}) => schemaOf<TBoolean>({ type: 'boolean', ...options }),
  Enum: <const T extends string[]>(values: readonly [...T], options: Options = {}) =>
    schemaOf<TEnum<T>>({ enum: values, ...options }),
  Literal: <const T extends string>(value: T) => schemaOf<TLiteral<T>>({ type: 'string', const: value }),
  /** Anything; such a field is not kept. */
  Unknown: () => schemaOf<TUnknown>({}),
  /** A schema as it is written, of a type that is believed. */
  Unsafe: <T>(schema: object) => schemaOf<TUnsafe<T>>(schema),
  /** A copy that is no required member of the object that it is put into. */
  Optional: <T extends TSchema>(schema: T) =>
    Object.defineProperty({ ...schema }, OPTIONAL, { value: true }) as unknown as TOptional<T>,
} as const;
