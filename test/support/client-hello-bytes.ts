// SPDX-License-Identifier: Apache-2.0
/** Builds TLS ClientHellos byte by byte (RFC 8446 §4.1.2), also such as no client would send. */

/** The bytes behind their length, which takes `lengthBytes` bytes. */
export function sized(lengthBytes: number, bytes: Buffer): Buffer {
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntBE(bytes.length, 0, lengthBytes);
  return Buffer.concat([length, bytes]);
}

export function extension(type: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type >> 8, type & 255]), sized(2, content)]);
}

/** The extension `server_name` (RFC 6066 §3) with these names, of which a client sends one. */
export function serverName(...names: string[]): Buffer {
  const list = names.map((name) => Buffer.concat([Buffer.from([0]), sized(2, Buffer.from(name))]));
  return extension(0, sized(2, Buffer.concat(list)));
}

/** A handshake message with these extensions; null: without the field. */
export function clientHello(extensions: readonly Buffer[] | null, behind: Buffer = Buffer.alloc(0)): Buffer {
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 9),
    sized(1, Buffer.alloc(0)),
    sized(2, Buffer.from([0x0a, 0x0a, 0x13, 0x01])),
    sized(1, Buffer.from([0])),
    extensions === null ? Buffer.alloc(0) : sized(2, Buffer.concat(extensions)),
    behind,
  ]);
  return Buffer.concat([Buffer.from([1]), sized(3, body)]);
}

/** The message in handshake records of at most `size` bytes each. */
export function inRecords(message: Buffer, size: number = 2 ** 14): Buffer {
  const records: Buffer[] = [];
  for (let offset = 0; offset < message.length; offset += size) {
    records.push(Buffer.from([22, 3, 1]), sized(2, message.subarray(offset, offset + size)));
  }
  return Buffer.concat(records);
}
