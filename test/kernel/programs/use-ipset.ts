// SPDX-License-Identifier: Apache-2.0
/** Carries out steps read from its input, a JSON array of `[operation, ...arguments]`; prints what each gave as a JSON array. */
import { text } from 'node:stream/consumers';
import { createHeartbeat } from '../../../daemon/capture/heartbeat.ts';
import { openIpset } from '../../../daemon/capture/ipset-netlink.ts';
import { createSetSync } from '../../../daemon/capture/sync-sets.ts';

type Step = readonly [string, string, string?, number?];

const ipset = openIpset();
const sync = createSetSync(ipset);
const heartbeat = createHeartbeat(ipset);

async function carryOut([operation, set, member = '', timeoutSeconds]: Step): Promise<unknown> {
  switch (operation) {
    case 'add':
      return ipset.add(set, member, timeoutSeconds === undefined ? {} : { timeoutSeconds });
    case 'remove':
      return ipset.remove(set, member);
    case 'flush':
      return ipset.flush(set);
    case 'list':
      return [...(await ipset.list(set))].sort();
    case 'sync':
      return sync.apply(new Map([[set, new Set(member === '' ? [] : member.split(' '))]]));
    case 'forget':
      return sync.forget();
    case 'beat':
      return heartbeat.beat();
    case 'stop':
      return heartbeat.stop();
    case 'many': {
      // All at once, and lists among them: the answers of both share one socket.
      const count = Number(member);
      const adds = Array.from({ length: count }, (_, index) => ipset.add(set, `10.9.${index >> 8}.${index & 255}`));
      const lists = [ipset.list(set), ipset.list(set)];
      await Promise.all([...adds, ...lists]);
      return (await Promise.all([ipset.list(set), ...lists])).map((members) => members.size);
    }
    case 'close': {
      const pending = ipset.list(set).then(
        () => 'done',
        (error: Error) => error.message,
      );
      // One turn later the request is on its way, and its answer not read yet.
      await new Promise((resolve) => process.nextTick(resolve));
      ipset.close();
      return pending;
    }
    default:
      throw new Error(`no operation ${operation}`);
  }
}

const results: unknown[] = [];
for (const step of JSON.parse(await text(process.stdin)) as Step[]) {
  results.push(
    await carryOut(step).then(
      (value) => value ?? 'done',
      (error: Error) => error.message,
    ),
  );
}
// Nothing is closed here: an open netlink socket must not keep the daemon from ending.
console.log(JSON.stringify(results));
