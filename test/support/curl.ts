// SPDX-License-Identifier: Apache-2.0
import type { Place } from './place.ts';

export interface CurlAnswer {
  /** curl's exit code: 7 refused, 28 too late, 52 and 56 the connection ended or was reset. */
  readonly code: number;
  /** 0 where there was no answer. */
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** An unmodified client of HTTP; it gives up after 10 s. */
export async function curl(place: Place, url: string, ...options: string[]): Promise<CurlAnswer> {
  const argv = ['curl', '-s', '-i', '-m', '10', ...options, url];
  const { code, stdout } = await place.run(argv, { allowFailure: true });
  const [head = '', ...rest] = stdout.split('\r\n\r\n');
  const [first = '', ...fields] = head.split('\r\n');
  const headers = fields.map((field): [string, string] => {
    const colon = field.indexOf(':');
    return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
  });
  return {
    code,
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? 0),
    headers: Object.fromEntries(headers),
    body: rest.join('\r\n\r\n'),
  };
}

/** What dig(1) prints: the addresses of a name, of IPv4 unless told otherwise, one a line. */
export async function dig(place: Place, name: string, ...options: string[]): Promise<string> {
  return (await place.run(['dig', '+short', '+time=3', '+tries=2', ...options, name])).stdout.trim();
}
