// SPDX-License-Identifier: Apache-2.0
import { decideAgain } from '../routing/decide-again.ts';
import type { Route } from '../routing/route.ts';
import type { NamedConnection } from './name-connection.ts';
import type { OpenRecord } from './ports.ts';

declare const stage: unique symbol;

/** A connection that may go where its route says. */
export interface DecidedConnection extends NamedConnection {
  readonly route: Route;
  /** The Destination, or the part of a policy, that decided. */
  readonly rule: string;
  readonly [stage]: true;
}

/** Notes the rule that decided, also where it refuses. @throws what the decision refused with */
export function decideConnection(named: NamedConnection, record: OpenRecord): DecidedConnection {
  const decision = decideAgain(named.snapshot, named);
  record.add({ rule: decision.rule });
  if (!decision.allow) throw decision.error;
  return { ...named, route: decision.route, rule: decision.rule } as DecidedConnection;
}
