// SPDX-License-Identifier: Apache-2.0
import { Duplex } from 'node:stream';
import { createSecureContext, TLSSocket } from 'node:tls';

/** What a PKCS#12 file can be read for. Why it can't, in words that complete "key x of Secret y ...". */
export type Pkcs12 = { readonly notAfterMs: number | null } | { readonly problem: string };

/** Opens the file with its password, as TLS will; nothing is connected. */
export function readPkcs12(file: Buffer, password: string): Pkcs12 {
  try {
    const secureContext = createSecureContext({ pfx: file, passphrase: password });
    // The one public way to the certificate in the file.
    const socket = new TLSSocket(nowhere(), { secureContext });
    const own = socket.getCertificate();
    socket.destroy();
    if (own === null || !('valid_to' in own)) return { problem: 'holds no certificate' };
    const notAfterMs = Date.parse(own.valid_to);
    return { notAfterMs: Number.isNaN(notAfterMs) ? null : notAfterMs };
  } catch (cause) {
    return { problem: problemOf(cause) };
  }
}

function nowhere(): Duplex {
  return new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
}

function problemOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : '';
  if (/mac verify/i.test(text)) return 'can not be opened: its password is wrong or missing';
  if (/unsupported/i.test(text)) {
    return 'is encrypted in an old way (RC2 or single DES): write it anew, for example with openssl pkcs12 -export';
  }
  return 'is no PKCS#12 file with a certificate and its key';
}
