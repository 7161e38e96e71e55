// SPDX-License-Identifier: Apache-2.0
import { FORMATS } from './formats.ts';

const HOSTS: ReadonlySet<string> = new Set(
  [FORMATS.hostName, FORMATS.hostPattern, FORMATS.hostOrAddress].map(({ pattern }) => pattern),
);

/**
 * What was most likely meant by a string that does not fit the pattern of a format, for "did you mean": the host of a URL or of
 * `host:port`, in lower case and without trailing dot; of an address where a range belongs, the range of that address alone.
 * Null where nothing that fits is near.
 */
export function suggestFormat(pattern: string, value: string): string | null {
  const meant = meaningOf(pattern, value);
  return meant !== null && new RegExp(pattern).test(meant) ? meant : null;
}

function meaningOf(pattern: string, value: string): string | null {
  if (HOSTS.has(pattern)) {
    const [authority = ''] = value.replace(/^[a-z][-+.a-z0-9]*:\/\//i, '').split(/[/?#]/, 1);
    return authority.replace(/:\d+$/, '').replace(/\.$/, '').toLowerCase();
  }
  if (pattern !== FORMATS.cidr.pattern) return null;
  if (value.includes(':')) return `${value}/128`;
  return /^\d+(\.\d+){3}$/.test(value) ? `${value}/32` : null;
}
