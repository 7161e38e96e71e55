// SPDX-License-Identifier: Apache-2.0

/** Why a source could not be taken over. Holds no value of a Secret. */
export interface SourceProblem {
  /** Path below the folder of the source; empty for the folder itself. */
  readonly file: string;
  /** 1 is the first; null where it is about the file as a whole. */
  readonly line: number | null;
  /** `Destination shop/erp`; null where that can't be told. */
  readonly resource: string | null;
  /** `spec.hosts[0]`; null where it is about no field. */
  readonly field: string | null;
  /** Lower case, without a full stop: what is wrong and the cure. */
  readonly reason: string;
}

/** `shop.yaml:12 Destination shop/erp spec.hosts[0]: must be ...`. */
export function formatSourceProblem({ file, line, resource, field, reason }: SourceProblem): string {
  const place = line === null ? file : `${file}:${line}`;
  const subject = [place, resource, field].filter((part) => part !== null && part !== '').join(' ');
  return subject === '' ? reason : `${subject}: ${reason}`;
}
