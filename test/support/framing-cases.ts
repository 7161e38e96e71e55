// SPDX-License-Identifier: Apache-2.0
/**
 * Requests whose bytes two parsers could read differently, or that ask past what their connection was decided for: each
 * must be refused with a status, the upstream must see nothing of it, and the connection must end. The connection is one
 * to `erp.corp` port 80. GHSA-q5vx-44v4-gch4 and its kin are among them.
 */
export interface FramingCase {
  readonly name: string;
  /** Latin-1. */
  readonly bytes: string;
  readonly status: number;
}

const head = (...fields: string[]): string => `GET / HTTP/1.1\r\nHost: erp.corp\r\n${fields.join('\r\n')}\r\n\r\n`;
const post = (rest: string): string => `POST / HTTP/1.1\r\nHost: erp.corp\r\n${rest}`;

export const FRAMING_CASES: readonly FramingCase[] = [
  // the end of the body
  {
    name: 'Content-Length before Transfer-Encoding',
    bytes: post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
    status: 400,
  },
  {
    name: 'Transfer-Encoding before Content-Length',
    bytes: post('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n'),
    status: 400,
  },
  { name: 'a coding before chunked', bytes: post('Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'), status: 400 },
  { name: 'a coding behind chunked', bytes: post('Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n'), status: 400 },
  {
    name: 'chunked twice',
    bytes: post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
    status: 400,
  },
  {
    name: 'a coding that only ends like chunked',
    bytes: post('Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n'),
    status: 400,
  },
  { name: 'the coding identity', bytes: post('Transfer-Encoding: identity\r\n\r\n'), status: 400 },
  {
    name: 'a vertical tab before chunked',
    bytes: post('Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n'),
    status: 400,
  },
  {
    name: 'Transfer-Encoding in HTTP/1.0',
    bytes: 'POST / HTTP/1.0\r\nHost: erp.corp\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    status: 400,
  },
  { name: 'two equal Content-Lengths', bytes: post('Content-Length: 1\r\nContent-Length: 1\r\n\r\nx'), status: 400 },
  {
    name: 'two different Content-Lengths',
    bytes: post('Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx'),
    status: 400,
  },
  { name: 'a list as Content-Length', bytes: post('Content-Length: 1, 1\r\n\r\nx'), status: 400 },
  { name: 'a signed Content-Length', bytes: post('Content-Length: +1\r\n\r\nx'), status: 400 },
  { name: 'a negative Content-Length', bytes: post('Content-Length: -1\r\n\r\nx'), status: 400 },
  { name: 'a hexadecimal Content-Length', bytes: post('Content-Length: 0x1\r\n\r\nx'), status: 400 },
  { name: 'an empty Content-Length', bytes: post('Content-Length:\r\n\r\nx'), status: 400 },
  {
    name: 'a Content-Length beyond 64 bits',
    bytes: post('Content-Length: 99999999999999999999999\r\n\r\nx'),
    status: 400,
  },
  { name: 'white space before the colon', bytes: post('Content-Length : 1\r\n\r\nx'), status: 400 },
  // the end of a line
  { name: 'obs-fold', bytes: head('X-A: b\r\n c'), status: 400 },
  { name: 'a folded first line', bytes: 'GET / HTTP/1.1\r\n Host: erp.corp\r\n\r\n', status: 400 },
  { name: 'a bare LF behind a field', bytes: 'GET / HTTP/1.1\r\nHost: erp.corp\nX-A: b\r\n\r\n', status: 400 },
  { name: 'a bare LF behind the request line', bytes: 'GET / HTTP/1.1\nHost: erp.corp\r\n\r\n', status: 400 },
  { name: 'a bare LF as the empty line', bytes: 'GET / HTTP/1.1\r\nHost: erp.corp\r\n\n', status: 400 },
  { name: 'a bare CR in a value', bytes: head('X-A: b\rc'), status: 400 },
  { name: 'a bare CR behind a name', bytes: head('X-A\r: b'), status: 400 },
  // characters
  { name: 'NUL in a value', bytes: head('X-A: b\0c'), status: 400 },
  { name: 'a control character in a value', bytes: head('X-A: b\x01c'), status: 400 },
  { name: 'DEL in a value', bytes: head('X-A: b\x7fc'), status: 400 },
  { name: 'a space in a field name', bytes: head('X A: b'), status: 400 },
  { name: 'an empty field name', bytes: head(': b'), status: 400 },
  { name: 'a field without colon', bytes: head('foo'), status: 400 },
  { name: 'a byte above ASCII in the path', bytes: 'GET /\xe9\x80 HTTP/1.1\r\nHost: erp.corp\r\n\r\n', status: 400 },
  { name: 'a space in the path', bytes: 'GET /a b HTTP/1.1\r\nHost: erp.corp\r\n\r\n', status: 400 },
  { name: 'a fragment in the path', bytes: 'GET /a#b HTTP/1.1\r\nHost: erp.corp\r\n\r\n', status: 400 },
  // the request line
  { name: 'HTTP/2.0', bytes: 'GET / HTTP/2.0\r\nHost: erp.corp\r\n\r\n', status: 400 },
  { name: 'HTTP/0.9', bytes: 'GET /\r\n\r\n', status: 400 },
  { name: 'the preface of HTTP/2', bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', status: 400 },
  { name: 'a method in lower case', bytes: 'get / HTTP/1.1\r\nHost: erp.corp\r\n\r\n', status: 400 },
  { name: 'an asterisk for GET', bytes: 'GET * HTTP/1.1\r\nHost: erp.corp\r\n\r\n', status: 400 },
  { name: 'a ClientHello', bytes: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', status: 400 },
  // whose request it is
  { name: 'two equal Hosts', bytes: 'GET / HTTP/1.1\r\nHost: erp.corp\r\nHost: erp.corp\r\n\r\n', status: 400 },
  { name: 'two different Hosts', bytes: 'GET / HTTP/1.1\r\nHost: erp.corp\r\nHost: evil.example\r\n\r\n', status: 400 },
  {
    name: 'a second Host behind 3000 fields',
    bytes: `GET / HTTP/1.1\r\nHost: erp.corp\r\n${'a:\r\n'.repeat(3000)}Host: evil.example\r\n\r\n`,
    status: 400,
  },
  { name: 'no Host', bytes: 'GET / HTTP/1.1\r\nX-A: b\r\n\r\n', status: 400 },
  { name: 'no Host in HTTP/1.0', bytes: 'GET / HTTP/1.0\r\n\r\n', status: 400 },
  { name: 'an empty Host', bytes: 'GET / HTTP/1.1\r\nHost:\r\n\r\n', status: 400 },
  { name: 'a Host with user information', bytes: 'GET / HTTP/1.1\r\nHost: erp.corp@evil.example\r\n\r\n', status: 400 },
  { name: 'a Host with a list', bytes: 'GET / HTTP/1.1\r\nHost: erp.corp, evil.example\r\n\r\n', status: 400 },
  { name: "a Host that is not the Destination's", bytes: 'GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n', status: 421 },
  {
    name: 'a Host that has the name as its suffix',
    bytes: 'GET / HTTP/1.1\r\nHost: evil.erp.corp\r\n\r\n',
    status: 421,
  },
  {
    name: "a Host with another port than the connection's",
    bytes: 'GET / HTTP/1.1\r\nHost: erp.corp:8080\r\n\r\n',
    status: 421,
  },
  {
    name: 'an absolute form that names another host',
    bytes: 'GET http://evil.example/ HTTP/1.1\r\nHost: erp.corp\r\n\r\n',
    status: 421,
  },
  {
    name: 'an absolute form under another Host',
    bytes: 'GET http://erp.corp/ HTTP/1.1\r\nHost: evil.example\r\n\r\n',
    status: 421,
  },
  {
    name: 'an absolute form with user information',
    bytes: 'GET http://erp.corp@evil.example/ HTTP/1.1\r\nHost: erp.corp\r\n\r\n',
    status: 400,
  },
  { name: 'an absolute form of https', bytes: 'GET https://erp.corp/ HTTP/1.1\r\nHost: erp.corp\r\n\r\n', status: 400 },
  {
    name: 'CONNECT to another host',
    bytes: 'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n',
    status: 421,
  },
  {
    name: "CONNECT to the connection's host",
    bytes: 'CONNECT erp.corp:80 HTTP/1.1\r\nHost: erp.corp:80\r\n\r\n',
    status: 400,
  },
  // size
  { name: '100 KiB of headers', bytes: head(`X-A: ${'a'.repeat(102_400)}`), status: 431 },
  {
    name: '100 KiB of headers in many fields',
    bytes: head(...Array.from({ length: 1100 }, (_, i) => `X-${i}: ${'a'.repeat(90)}`)),
    status: 431,
  },
  { name: '100 KiB of path', bytes: `GET /${'a'.repeat(102_400)} HTTP/1.1\r\nHost: erp.corp\r\n\r\n`, status: 431 },
];

/** Bodies that break in the middle: what was whole may have gone, the end of the request must not. */
export const BROKEN_BODY_CASES: readonly FramingCase[] = [
  { name: 'bare LF behind a chunk size', bytes: post('Transfer-Encoding: chunked\r\n\r\n1\nx\n0\n\n'), status: 400 },
  {
    name: 'bare LF in a chunk extension',
    bytes: post('Transfer-Encoding: chunked\r\n\r\n1;a\nb\r\nx\r\n0\r\n\r\n'),
    status: 400,
  },
  {
    name: 'a chunk size that is no number',
    bytes: post('Transfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n0\r\n\r\n'),
    status: 400,
  },
  { name: 'a chunk size with 0x', bytes: post('Transfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n'), status: 400 },
  {
    name: 'a space behind a chunk size',
    bytes: post('Transfer-Encoding: chunked\r\n\r\n1 \r\nx\r\n0\r\n\r\n'),
    status: 400,
  },
  {
    name: 'a chunk longer than its size',
    bytes: post('Transfer-Encoding: chunked\r\n\r\n1\r\nxx0\r\n\r\n'),
    status: 400,
  },
  {
    name: 'a chunk size beyond 64 bits',
    bytes: post('Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nx\r\n0\r\n\r\n'),
    status: 400,
  },
];
