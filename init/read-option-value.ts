// SPDX-License-Identifier: Apache-2.0
import { isAbsolute } from 'node:path';
import { type AddressRange, type Family, parseAddress, parseRange } from './address-range.ts';

// Each reader adds a problem and returns a stand-in, so that one run reports everything that is wrong.

/** A list of ranges separated by commas; empty text is an empty list. A set of type hash:net can't hold a /0. */
export function readRanges(flag: string, text: string, problems: string[]): readonly AddressRange[] {
  const ranges: AddressRange[] = [];
  if (text.trim() === '') return ranges;
  for (const part of text.split(',')) {
    const range = parseRange(part.trim());
    if (range === null) {
      problems.push(`--${flag}: "${part.trim()}" is no range such as 10.244.0.0/16 or fd00:10::/56`);
    } else if (range.prefixLength === 0) {
      problems.push(`--${flag}: "${part.trim()}" is everything: name the ranges themselves`);
    } else if (!ranges.some((known) => known.text === range.text)) {
      ranges.push(range);
    }
  }
  return ranges;
}

/** One range of the family, with at least 16 addresses: one per host name. */
export function readRange(flag: string, text: string, family: Family, problems: string[]): AddressRange {
  const range = parseRange(text.trim());
  const longest = family === 4 ? 28 : 124;
  if (range !== null && range.family === family && range.prefixLength >= 8 && range.prefixLength <= longest)
    return range;
  problems.push(
    `--${flag}: "${text}" is no IPv${family} range between /8 and /${longest}, such as ${exampleOf(family)}`,
  );
  return { family, text: exampleOf(family), prefixLength: family === 4 ? 16 : 112 };
}

/** One address of the family that packets of pods can be turned to. */
export function readAddress(flag: string, text: string, family: Family, problems: string[]): string {
  const address = parseAddress(text.trim());
  if (address === null || address.family !== family) {
    problems.push(`--${flag}: "${text}" is no IPv${family} address`);
    return text;
  }
  if (family === 4 && address.text.startsWith('127.')) {
    // A DNAT to loopback is dropped unless route_localnet opens every loopback service to the neighbours (CVE-2020-8558).
    problems.push(
      `--${flag}: ${address.text} is loopback, where packets of pods are dropped: use a link-local address`,
    );
  }
  if (family === 6 && /^fe[89ab]/.test(address.text)) {
    problems.push(`--${flag}: ${address.text} is link-local, where IPv6 connections time out: use a ULA (fd00::/8)`);
  }
  return address.text;
}

/** A whole number in decimal digits, both bounds allowed. */
export function readNumber(flag: string, text: string, least: number, most: number, problems: string[]): number {
  const number = /^\d{1,9}$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  problems.push(`--${flag}: "${text}" is no whole number from ${least} to ${most}`);
  return least;
}

/** One word of a closed list. */
export function readChoice<T extends string>(
  flag: string,
  text: string,
  choices: readonly [T, ...T[]],
  problems: string[],
): T {
  const choice = choices.find((word) => word === text.trim());
  if (choice !== undefined) return choice;
  problems.push(`--${flag}: "${text}" is none of ${choices.join(', ')}`);
  return choices[0];
}

/** A packet mark with exactly one bit set, hexadecimal or decimal. */
export function readMarkBit(flag: string, text: string, problems: string[]): number {
  const mark = /^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(text.trim()) ? Number(text) : 0;
  const isOneBit = mark > 0 && mark <= 0x8000_0000 && Number.isInteger(Math.log2(mark));
  if (isOneBit) return mark;
  problems.push(`--${flag}: "${text}" is not one bit of 32, such as 0x1000`);
  return 0x1000;
}

/** An absolute path. */
export function readFolder(flag: string, text: string, problems: string[]): string {
  if (!isAbsolute(text)) problems.push(`--${flag}: "${text}" is no absolute path`);
  return text;
}

function exampleOf(family: Family): string {
  return family === 4 ? '240.240.0.0/16' : 'fd6c:6561:7401::/112';
}
