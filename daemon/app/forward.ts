// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';
import { resetSocket } from '../net/reset-socket.ts';
import type { Dial, Forward } from '../proxy/ports.ts';
import type { DialPlan, Relayer } from '../relay/relayer.ts';
import type { Upstream } from '../routing/route.ts';

/**
 * Takes connections to their upstream: where a plan tells all that the engine has to know, the engine dials and no socket
 * of Node's is made; everything else is dialled by Node and handed over.
 */
export function createForward(
  relayer: Pick<Relayer, 'dial' | 'relay'>,
  plan: (upstream: Upstream) => DialPlan | null,
  dial: Dial,
): Forward {
  const dialAndRelay: Forward = async (downstream, upstream, options, signal) => {
    const dialled = await dial(upstream, signal);
    const client = downstream.socket();
    if (client.destroyed) {
      resetSocket(dialled);
      throw new LeatError('CLIENT_RESET', 'the client went away before its upstream was reached');
    }
    return relayer.relay(client, dialled, options);
  };
  return (downstream, upstream, options, signal) => {
    const planned = plan(upstream);
    const relayed = planned === null ? null : relayer.dial(downstream, planned, options);
    return relayed ?? dialAndRelay(downstream, upstream, options, signal);
  };
}
