// SPDX-License-Identifier: Apache-2.0

/** Keys and indexes from the top of a resource. */
export type FieldPath = readonly (string | number)[];

/** What is wrong with one field of a resource. */
export interface FieldProblem {
  /** For people: `spec.hosts[0]`; `resource` for the whole. */
  readonly field: string;
  /** For programs, for example to find the line. */
  readonly path: FieldPath;
  /** The value, shortened, as JSON; null where there is none, or where it might be a secret. */
  readonly value: string | null;
  /** Lower case, without a full stop: what is wrong and the cure. Holds no value that might be a secret. */
  readonly message: string;
}

const MAX_SHOWN = 80;

/** Quoted, so that control characters do no harm in a log, and short. */
export function quote(text: string): string {
  return JSON.stringify(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text);
}

/** `spec.hosts[0]`, `metadata.labels["leat.dev/intercept"]`. */
function fieldName(path: FieldPath): string {
  let name = '';
  for (const step of path) {
    if (typeof step === 'number') name += `[${step}]`;
    else if (!/^[A-Za-z_]\w{0,62}$/.test(step)) name += `[${quote(step)}]`;
    else name += name === '' ? step : `.${step}`;
  }
  return name === '' ? 'resource' : name;
}

/** A problem; `value` is what may be shown of the field: a number, a boolean or a string that can't be a secret. */
export function problemAt(path: FieldPath, message: string, value?: string | number | boolean): FieldProblem {
  const shown = value === undefined ? null : typeof value === 'string' ? quote(value) : String(value);
  return { field: fieldName(path), path, value: shown, message };
}

/** `must be a host name in lower case (is "A b")`. */
export function reasonOf({ value, message }: FieldProblem): string {
  return `${message}${value === null ? '' : ` (is ${value})`}`;
}
