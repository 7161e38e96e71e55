// SPDX-License-Identifier: Apache-2.0
import { parseCidr } from '../net/cidr.ts';
import { type Family, familyOf, type IpAddress, parseIpAddress } from '../net/endpoint.ts';

export interface RawOptions {
  /** Null: not given, and there is no default. */
  readonly values: ReadonlyMap<string, string | null>;
  /** What was on the command line and is no option. */
  readonly unknown: readonly string[];
}

const MOST_WORKERS = 64;

/** Typed readers of options. A value that does not fit is noted as a problem, and reading goes on. */
export class OptionReader {
  readonly problems: string[] = [];
  readonly #values: RawOptions['values'];

  constructor({ values, unknown }: RawOptions) {
    this.#values = values;
    for (const word of unknown) this.problems.push(`${word}: no such option; --help lists them`);
  }

  text(name: string): string {
    const value = this.#values.get(name) ?? null;
    if (value === null || (value === '' && name !== 'node-labels'))
      return this.#refuse(name, value, 'a value is required');
    return value;
  }

  /** Null: not given. */
  optional(name: string): string | null {
    return this.#values.get(name) || null;
  }

  oneOf<const T extends string>(name: string, allowed: readonly T[]): T {
    const value = this.#values.get(name) ?? null;
    const found = allowed.find((one) => one === value);
    if (found === undefined) this.#refuse(name, value, `must be one of ${allowed.join(', ')}`);
    return found ?? (allowed[0] as T);
  }

  integer(name: string, minimum: number, maximum: number): number {
    const value = this.#values.get(name) ?? null;
    const number = value !== null && /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= minimum && number <= maximum)) {
      this.#refuse(name, value, `must be a whole number from ${minimum} to ${maximum}`);
    }
    return number;
  }

  /** A number of threads, or `auto`: as many as there are cores. */
  workers(name: string, cores: number): number {
    const value = this.#values.get(name) ?? null;
    if (value === 'auto') return cores;
    const number = value !== null && /^\d{1,2}$/.test(value) ? Number(value) : 0;
    if (number < 1 || number > MOST_WORKERS) {
      this.#refuse(name, value, `must be auto or a whole number from 1 to ${MOST_WORKERS}`);
    }
    return number;
  }

  port(name: string): number {
    return this.integer(name, 1, 65535);
  }

  address(name: string, family?: Family): IpAddress {
    const value = this.#values.get(name) ?? null;
    const address = parseIpAddress(value ?? '');
    if (address === null || (family !== undefined && familyOf(address) !== family)) {
      return this.#refuse(name, value, `must be an IP${family === undefined ? '' : `v${family}`} address`);
    }
    return address;
  }

  addresses(name: string): IpAddress[] {
    return this.#list(name).map((text) => parseIpAddress(text) ?? this.#refuse(name, text, 'must be IP addresses'));
  }

  range(name: string, family: Family): string {
    const value = this.#values.get(name) ?? null;
    const range = parseCidr(value ?? '');
    if (range === null || familyOf(range.address) !== family) {
      return this.#refuse(
        name,
        value,
        `must be an IPv${family} range such as ${family === 4 ? '10.0.0.0/8' : 'fd00::/64'}`,
      );
    }
    return value as string;
  }

  ranges(name: string): string[] {
    return this.#list(name).map((text) =>
      parseCidr(text) === null
        ? this.#refuse(name, text, 'must be ranges such as 10.0.0.0/8, separated by commas')
        : text,
    );
  }

  labels(name: string): Record<string, string> {
    return Object.fromEntries(
      this.#list(name).map((pair) => {
        const at = pair.indexOf('=');
        if (at < 1) this.#refuse(name, pair, 'must be key=value pairs, separated by commas');
        return [pair.slice(0, at), pair.slice(at + 1)];
      }),
    );
  }

  /** `files:DIR` → DIR; `kubernetes` → null. */
  source(name: string): string | null {
    const value = this.#values.get(name) ?? null;
    if (value === 'kubernetes') return null;
    const directory = /^files:(.+)$/.exec(value ?? '')?.[1];
    return directory ?? this.#refuse(name, value, 'must be kubernetes, or files: and a folder: files:/etc/leat');
  }

  /** An https URL without path; where none is given, what kubelet tells every container. */
  apiServer(name: string, { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port }: NodeJS.ProcessEnv): string {
    const given = this.#values.get(name) ?? '';
    if (given === '' && (host === undefined || port === undefined)) {
      return this.#refuse(name, null, 'is required outside a pod, where KUBERNETES_SERVICE_HOST is not set');
    }
    const value = given !== '' ? given : `https://${host?.includes(':') ? `[${host}]` : host}:${port}`;
    const url = URL.parse(value);
    if (url?.protocol !== 'https:' || url.pathname !== '/' || url.search !== '' || url.username !== '') {
      return this.#refuse(name, value, 'must be https:// and a host, for example https://10.96.0.1:443');
    }
    return url.origin;
  }

  #list(name: string): string[] {
    return (this.#values.get(name) ?? '')
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
  }

  #refuse(name: string, value: string | null, cure: string): string {
    this.problems.push(`--${name}${value === null ? '' : `=${value}`}: ${cure}`);
    return '';
  }
}
