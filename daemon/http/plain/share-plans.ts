// SPDX-License-Identifier: Apache-2.0
import type { HttpEngine } from '../../native/http-engine.ts';
import type { HttpRoute } from '../../routing/route.ts';
import type { Workload } from '../../workload/workload.ts';
import { planRequest, type RequestPlan } from './plan-request.ts';

/** Heads beyond this are kept for no other request. */
export const MOST_KEPT_BYTES = 4096;

/** The plan of a head in the engine's inbox. Null: it is for the general path, be it good or bad. */
export type PlanOf = (offset: number, length: number, route: HttpRoute, workload: Workload) => RequestPlan | null;

/**
 * Connections that a pod opens to the same name and port have one route, and mostly send the same head: what was made of the
 * last one is theirs too, as long as one of them holds it. It says nothing that the bytes and the route do not; the
 * credential and the X-Request-Id are written for each request, in the turn that copies them.
 */
export function sharePlans(engine: Pick<HttpEngine, 'isHead' | 'headText'>): PlanOf {
  const latest = new WeakMap<HttpRoute, WeakRef<RequestPlan>>();
  return (offset, length, route, workload) => {
    const known = latest.get(route)?.deref();
    if (known?.workload === workload && engine.isHead(offset, length, known.received)) return known;
    const plan = planRequest(engine.headText(offset, length), route, workload);
    if (plan !== null && length <= MOST_KEPT_BYTES) latest.set(route, new WeakRef(plan));
    return plan;
  };
}
