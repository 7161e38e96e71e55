// SPDX-License-Identifier: Apache-2.0
/** The tests of http-plain.test.ts, to targets with TLS. */
import { takePlainPathWithTls } from '../support/http-path.ts';

takePlainPathWithTls();
await import('./http-plain.test.ts');
