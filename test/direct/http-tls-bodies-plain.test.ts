// SPDX-License-Identifier: Apache-2.0
/** The tests of http-tls-bodies.test.ts, on the plain path. */
import { takePlainPath } from '../support/http-path.ts';

takePlainPath();
await import('./http-tls-bodies.test.ts');
