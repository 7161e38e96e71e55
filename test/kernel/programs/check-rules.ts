// SPDX-License-Identifier: Apache-2.0
/** `check-rules.ts nft|legacy`: checks and repairs once, prints what came of it as JSON. */
import { checkRules } from '../../../daemon/capture/check-rules.ts';

const backend = process.argv[2] === 'legacy' ? 'legacy' : 'nft';
console.log(JSON.stringify(await checkRules({ backend, nat: 'iptables', isIpv6On: true })));
