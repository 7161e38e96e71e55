// SPDX-License-Identifier: Apache-2.0
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { TLocalizedValidationError } from 'typebox/error';
import { Settings } from 'typebox/system';

/** More would not help anyone, and input may be hostile. */
const MAX_VIOLATIONS = 64;

/** What is wrong with a value; empty where nothing is. */
export type Validator = (value: unknown) => readonly TLocalizedValidationError[];

/** Compiling a kind takes some ten milliseconds: it is done when the first value of the kind comes. */
export function lazyValidator(schema: TSchema): Validator {
  let validator: Validator | undefined;
  return (value) => {
    validator ??= compileValidator(schema);
    return validator(value);
  };
}

function compileValidator(schema: TSchema): Validator {
  Settings.Set({ maxErrors: MAX_VIOLATIONS });
  const compiled = Compile(schema);
  return (value) => (compiled.Check(value) ? [] : compiled.Errors(value));
}
