// SPDX-License-Identifier: Apache-2.0
/** Which way requests take in a test file: its tests run on the general path, and once more where a second file asks for it. */
let path: 'general' | 'plain' = 'general';

export function httpPath(): 'general' | 'plain' {
  return path;
}

/** For all of the file, before its tests begin. Descriptors come from the engine's listener then, as in the daemon. */
export function takePlainPath(): void {
  path = 'plain';
}
