// SPDX-License-Identifier: Apache-2.0
/**
 * The layout of DNS messages (RFC 1035 §4.1), as far as Leat reads and writes them itself. Packets that are forwarded are
 * never decoded and encoded again: codecs lose what they do not know (types, EDNS options, the case of names).
 */

export const HEADER_BYTES = 12;
/** RFC 1035 §2.3.4: length octets and the root included. */
export const MAX_NAME_BYTES = 255;

/** Offsets of the 16-bit words of the header. */
export const AT = { id: 0, flags: 2, questions: 4, answers: 6, authorities: 8, additionals: 10 } as const;

/** Bits and fields of the flags word; the rcode is the lowest four bits. */
export const FLAG = {
  response: 0x8000,
  opcode: 0x7800,
  authoritative: 0x0400,
  truncated: 0x0200,
  recursionDesired: 0x0100,
  recursionAvailable: 0x0080,
  authenticData: 0x0020,
  checkingDisabled: 0x0010,
  rcode: 0x000f,
} as const;

/** `BADVERS` is an extended rcode: it needs an OPT record (RFC 6891 §6.1.3). */
export const RCODE = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5, BADVERS: 16 } as const;

export const TYPE = { A: 1, CNAME: 5, AAAA: 28, OPT: 41, SVCB: 64, HTTPS: 65, IXFR: 251, AXFR: 252, ANY: 255 } as const;

export const CLASS_IN = 1;
