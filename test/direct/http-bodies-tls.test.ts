// SPDX-License-Identifier: Apache-2.0
/** The tests of http-bodies.test.ts, on the plain path to targets with TLS. */
import { takePlainPathWithTls } from '../support/http-path.ts';

takePlainPathWithTls();
await import('./http-bodies.test.ts');
