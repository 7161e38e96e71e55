// SPDX-License-Identifier: Apache-2.0
import { type Endpoint, formatEndpoint } from '../net/endpoint.ts';

/** Adds to what a native call throws which address it was about: `bind EADDRINUSE 169.254.74.1:15053`. */
export function atAddress<T>(at: Endpoint, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof Error && 'code' in error)
      error.message = `${error.message} ${error.code} ${formatEndpoint(at)}`;
    throw error;
  }
}
