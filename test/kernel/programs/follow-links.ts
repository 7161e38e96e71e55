// SPDX-License-Identifier: Apache-2.0
/** For each line of its input, an address: prints the arrival of its link, or the refusal's code, with all arrivals so far. */
import { createInterface } from 'node:readline';
import { isNativeError, linkArrivalOf, linkArrivals } from '../../../daemon/native/index.ts';

function arrivalOf(address: string): number | string {
  try {
    return linkArrivalOf(address);
  } catch (error) {
    return isNativeError(error) ? error.code : String(error);
  }
}

linkArrivals();
console.log('listening');
for await (const address of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify({ address, arrival: arrivalOf(address), arrivals: linkArrivals() }));
}
