// SPDX-License-Identifier: Apache-2.0
import { type HeaderList, headerValues } from './header-list.ts';

/** `Link` of a 103; none where one of them can't be parsed: a hint is not worth a request. */
export function earlyHintLinks(headers: HeaderList): string[] {
  const links = headerValues(headers, 'link');
  return links.every((link) => /^<[^<>\s]*>(?:\s*;\s*[-\w]+(?:=(?:"[^"]*"|[-\w]+))?)*$/.test(link)) ? links : [];
}
