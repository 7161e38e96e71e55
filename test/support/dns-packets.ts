// SPDX-License-Identifier: Apache-2.0
/** DNS packets for tests, made and read by dns-packet: an implementation that is not Leat's. */
import packet, { type DecodedPacket, type Packet } from 'dns-packet';

/** A query as a stub resolver sends it, with recursion desired. `type` also takes names that dns-packet can't encode. */
export function query(name: string, type = 'A', more: Partial<Packet> & { edns?: boolean; dnssecOk?: boolean } = {}) {
  const { edns = false, dnssecOk = false, ...rest } = more;
  const number = { SVCB: 64, HTTPS: 65, ANY: 255 }[type];
  const bytes = packet.encode({
    type: 'query',
    id: 0x1234,
    flags: packet.RECURSION_DESIRED,
    questions: [{ type: (number === undefined ? type : 'A') as 'A', name }],
    additionals: edns
      ? [
          {
            type: 'OPT',
            name: '.',
            udpPayloadSize: 1400,
            flags: dnssecOk ? packet.DNSSEC_OK : 0,
            extendedRcode: 0,
            ednsVersion: 0,
            flag_do: dnssecOk,
            options: [],
          },
        ]
      : [],
    ...rest,
  });
  if (number !== undefined) bytes.writeUInt16BE(number, 12 + nameBytes(name));
  return bytes;
}

/** The answer of a server to a query, with the answers that are given. */
export function answerTo(
  asked: Buffer,
  more: { flags?: number; answers?: Packet['answers']; authorities?: Packet['authorities'] } = {},
): Buffer {
  const { id, questions } = packet.decode(asked);
  const flags = packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE | (more.flags ?? 0);
  return packet.encode({
    type: 'response',
    id: id ?? 0,
    flags,
    questions: questions ?? [],
    answers: more.answers ?? [],
    authorities: more.authorities ?? [],
  });
}

export function decode(bytes: Buffer): DecodedPacket {
  return packet.decode(bytes);
}

/** The rcode of the header. */
export function rcodeOf(bytes: Buffer): number {
  return bytes.readUInt16BE(2) & 0xf;
}

/** A header with counts, as hexadecimal digits say, and what follows. */
export function raw(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(/\s/g, ''), 'hex');
}

function nameBytes(name: string): number {
  return name.split('.').reduce((sum, label) => sum + label.length + 1, 1);
}
