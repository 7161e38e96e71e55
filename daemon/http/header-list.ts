// SPDX-License-Identifier: Apache-2.0
/** Header fields in their order, with their case and duplicates: what the peer sent is what the other peer gets. */
export type Header = readonly [name: string, value: string];
export type HeaderList = readonly Header[];

/** From Node's `rawHeaders`: name, value, name, value. */
export function headersFromRaw(raw: readonly string[]): HeaderList {
  const headers: Header[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) headers.push([raw[i] as string, raw[i + 1] as string]);
  return headers;
}

/** Names and values in turns, as node:http takes raw headers. */
export function headersToRaw(headers: HeaderList): string[] {
  return headers.flat();
}

/** As it stands in a message: a line for each field. */
export function headersText(headers: HeaderList): string {
  let text = '';
  for (const [name, value] of headers) text += `${name}: ${value}\r\n`;
  return text;
}

/** All values of a field, in order; `name` in lower case. */
export function headerValues(headers: HeaderList, name: string): string[] {
  return headers.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value);
}

/** The items of a comma-separated list field, trimmed, in lower case. */
export function headerTokens(headers: HeaderList, name: string): string[] {
  return headerValues(headers, name)
    .flatMap((value) => value.split(','))
    .map((item) => item.trim().toLowerCase())
    .filter((item) => item !== '');
}

/** Header field name: RFC 9110 §5.1 token. */
const TOKEN = /^[-!#$%&'*+.^_`|~0-9A-Za-z]+$/;
/** RFC 9110 §5.5: no control characters but HTAB; nothing beyond one byte. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Whether it may be the name of a field. */
export function isHeaderName(name: string): boolean {
  return TOKEN.test(name);
}

/** Whether it may be the value of a field: nothing in it ends the field. */
export function isHeaderValue(value: string): boolean {
  return VALUE.test(value);
}
