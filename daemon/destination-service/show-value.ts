// SPDX-License-Identifier: Apache-2.0

/** A value of an entry in a message: short, and of harmless characters. */
export function showValue(value: string): string {
  return `"${value.replaceAll(/[^-\w.]/g, '?').slice(0, 64)}"`;
}
