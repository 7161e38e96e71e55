// SPDX-License-Identifier: Apache-2.0
import { sweepLeftovers } from '../../test/support/leftovers.ts';

for (const removed of sweepLeftovers()) console.log(`removed what an earlier run left: ${removed}`);
