// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import fc from 'fast-check';
import { LineReader } from '../../../daemon/kube/read-lines.ts';

function read(reader: LineReader, pieces: readonly Buffer[]): string[] {
  return pieces.flatMap((piece) => [...reader.push(piece)]);
}

test('gives the lines of a text however it is cut, characters of many bytes included', (t) => {
  const line = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\n') && text.trim() !== '');
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat(2000)), (lines, cuts) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));
      const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
      const pieces = places.slice(1).map((end, at) => bytes.subarray(places[at], end));
      t.deepEqual(read(new LineReader(1_000_000), pieces), lines);
    }),
  );
});

test('passes over empty lines, and over what no line break follows', (t) => {
  t.deepEqual(read(new LineReader(100), [Buffer.from('\n a\n\n  \nb')]), [' a']);
});

test('refuses a line that is longer than allowed, also one that never ends', (t) => {
  const reader = new LineReader(10);
  t.deepEqual(read(reader, [Buffer.from('0123456789\n')]), ['0123456789']);
  t.throws(() => read(reader, [Buffer.from('01234'), Buffer.from('567890')]), { instanceOf: RangeError });
});
