// SPDX-License-Identifier: Apache-2.0
import { createRequire } from 'node:module';

/** The native helper; each file of this folder types the functions that it wraps. */
export function loadBinding<T>(): T {
  try {
    return createRequire(import.meta.url)('./build/leat_native.node') as T;
  } catch (cause) {
    throw new Error('the native helper can not be loaded: build it with scripts/setup/build-native', { cause });
  }
}
