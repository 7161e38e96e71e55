// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { isAnswerTo } from '../../../daemon/dns/match-answer.ts';
import { answerTo, query, raw } from '../../support/dns-packets.ts';

const asked = query('www.Example.com', 'HTTPS');

test('takes the answer, also where the server changed the case of the letters', (t) => {
  t.true(isAnswerTo(query('www.Example.com'), answerTo(query('www.Example.com'))));
  t.true(isAnswerTo(query('www.Example.com'), answerTo(query('WWW.example.COM'))));
});

test('refuses another id, another name, another type and a query', (t) => {
  const plain = query('www.example.com');
  t.false(isAnswerTo(plain, answerTo(query('www.example.com', 'A', { id: 0x1235 }))));
  t.false(isAnswerTo(plain, answerTo(query('ww2.example.com'))));
  t.false(isAnswerTo(plain, answerTo(query('www.example.com', 'AAAA'))));
  t.false(isAnswerTo(plain, plain));
});

test('types are not compared as letters: 65 is not 97', (t) => {
  const answer = Buffer.from(asked);
  answer.writeUInt16BE(0x8180, 2);
  t.true(isAnswerTo(asked, answer));
  answer.writeUInt16BE(97, answer.length - 4);
  t.false(isAnswerTo(asked, answer));
});

test('an error may come without question, an answer without error may not', (t) => {
  t.true(isAnswerTo(asked, raw('1234 8185 0000 0000 0000 0000')));
  t.false(isAnswerTo(asked, raw('1234 8180 0000 0000 0000 0000')));
});

test('refuses an answer that is shorter than the question, and an empty one', (t) => {
  const answer = answerTo(query('www.example.com'));
  for (let length = 0; length < answer.length; length++) {
    t.false(isAnswerTo(query('www.example.com'), answer.subarray(0, length)));
  }
});

test('an update is answered by its id and opcode', (t) => {
  const update = raw('4321 2800 0001 0000 0001 0000 04636f7270 00 0006 0001');
  t.true(isAnswerTo(update, raw('4321 a800 0000 0000 0000 0000')));
  t.false(isAnswerTo(update, raw('4321 8000 0000 0000 0000 0000')));
});
