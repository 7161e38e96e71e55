// SPDX-License-Identifier: Apache-2.0
/** Which way requests take in a test file: its tests run on the general path, and once more where a second file asks for it. */
let path: 'general' | 'plain' = 'general';
let isTls = false;

export function httpPath(): 'general' | 'plain' {
  return path;
}

/** Whether Leat speaks TLS with the upstreams of the lab, which are the same but for that. */
export function speaksTls(): boolean {
  return isTls;
}

/** For all of the file, before its tests begin. Descriptors come from the engine's listener then, as in the daemon. */
export function takePlainPath(): void {
  path = 'plain';
}

/** As {@link takePlainPath}, and to targets with TLS. */
export function takePlainPathWithTls(): void {
  takePlainPath();
  isTls = true;
}
