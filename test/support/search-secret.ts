// SPDX-License-Identifier: Apache-2.0

/** How a secret may stand in a text: as it is, URL-encoded, in JSON, in base64 at any offset, in hex. */
export function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const form = new URLSearchParams({ a: secret }).toString().slice(2);
  const texts = [secret, encodeURIComponent(secret), form, JSON.stringify(secret).slice(1, -1), bytes.toString('hex')];
  const encoded = [0, 1, 2].flatMap((offset) => {
    // What stands before and behind it in the same base64 text touches the first and the last characters.
    const text = Buffer.concat([Buffer.alloc(offset), bytes, Buffer.alloc(3)]).toString('base64');
    const inner = text.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
    return [inner, inner.replaceAll('+', '-').replaceAll('/', '_'), encodeURIComponent(inner)];
  });
  return [...new Set([...texts, ...encoded])];
}

const PART = 24;

/** Which of the secrets, by name, stand in the text in any form. Of long ones a part of any line is enough. */
export function findSecrets(text: string, secrets: Readonly<Record<string, string>>): string[] {
  return Object.entries(secrets)
    .filter(([, secret]) => partsOf(secret).some((part) => formsOf(part).some((form) => text.includes(form))))
    .map(([name]) => name);
}

/** What is enough to be found of it: the whole, and the middle of each long line. */
export function partsOf(secret: string): string[] {
  const lines = secret.split('\n').filter((line) => line.length > 2 * PART && !line.startsWith('-----'));
  const middles = lines.map((line) => line.slice(line.length / 2 - PART / 2, line.length / 2 + PART / 2));
  return [secret, ...middles];
}
