// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { type HeaderList, headerValues } from './header-list.ts';

/** The application's own X-Request-Id, where it sent one that is fit for logs and headers; else a new one. */
export function requestIdOf(headers: HeaderList): string {
  return fitRequestId(headers) ?? randomUUID();
}

/** The application's own; null where it sent none that is fit. */
export function fitRequestId(headers: HeaderList): string | null {
  const [given, ...others] = headerValues(headers, 'x-request-id');
  const isFit = given !== undefined && others.length === 0 && /^[-_.:+=/@0-9A-Za-z]{1,128}$/.test(given);
  return isFit ? given : null;
}
