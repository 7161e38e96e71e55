// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { LeatError } from '../errors/leat-error.ts';

/** Where the API server is, and the files by which the daemon and it know each other. */
export interface ApiAccess {
  /** `https://10.96.0.1:443`. */
  readonly server: string;
  readonly tokenFile: string;
  readonly caFile: string;
}

const MAX_TOKEN_LENGTH = 64 * 1024;

/**
 * Reads the token and the CA anew. kubelet replaces both while the pod runs; there is one request every few minutes, so
 * nothing is gained by remembering them.
 */
export async function readAccessFiles({ tokenFile, caFile }: ApiAccess): Promise<{ token: string; ca: string }> {
  const [token, ca] = await Promise.all([readAccessFile(tokenFile), readAccessFile(caFile)]);
  const bare = token.trim();
  // what is not printable ASCII would be refused as a header, with the value in the message
  if (bare === '' || bare.length > MAX_TOKEN_LENGTH || !/^[!-~]+$/.test(bare)) {
    throw new LeatError('INTERNAL', `${tokenFile} holds no token of a service account`);
  }
  return { token: bare, ca };
}

async function readAccessFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code = 'unknown cause' } = error as NodeJS.ErrnoException;
    throw new LeatError('INTERNAL', `${path} can't be read: ${code}`);
  }
}
