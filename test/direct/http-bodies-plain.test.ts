// SPDX-License-Identifier: Apache-2.0
/** The tests of http-bodies.test.ts, on the plain path: what is not plain is handed over, and must be treated the same. */
import { takePlainPath } from '../support/http-path.ts';

takePlainPath();
await import('./http-bodies.test.ts');
