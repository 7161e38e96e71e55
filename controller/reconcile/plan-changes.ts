// SPDX-License-Identifier: Apache-2.0
import type { SecretsBinding } from '../../api/group.ts';
import type { Change } from '../cluster/cluster-writer.ts';
import type { ClusterView } from '../cluster/view.ts';
import { type ClusterSettings, compileCluster } from './compile-cluster.ts';
import { findImports } from './find-imports.ts';
import { planBindings } from './plan-bindings.ts';
import { planEvents } from './plan-events.ts';
import type { GrantSettings } from './plan-grants.ts';
import { planServices } from './plan-services.ts';
import { planStatuses } from './plan-statuses.ts';
import type { Takeover } from './takeover.ts';
import type { ToldEvents } from './told-events.ts';

export interface PlanSettings extends ClusterSettings, GrantSettings {
  /** With `auto` the controller gives daemons what they may read. */
  readonly secretsBinding: SecretsBinding;
}

/** Everything that is not as it should be, what others wait for first. */
export function planChanges(
  view: ClusterView,
  settings: PlanSettings,
  { takeover, told, nowText }: { readonly takeover: Takeover; readonly told: ToldEvents; readonly nowText: string },
): Change[] {
  const compiled = compileCluster(view, settings);
  takeover.observe(view, compiled.resources);
  const services = planServices(view);
  const statuses = planStatuses(view, compiled, {
    hasTakenOver: (state, object) => takeover.hasTakenOver(state, object),
    isSilent: (state) => takeover.isSilent(state),
    serviceProblems: services.problems,
    nowText,
  });
  return [
    ...(settings.secretsBinding === 'auto' ? planBindings(view, compiled, settings) : []),
    ...services.changes,
    ...statuses.flatMap(({ object, conditions }): Change[] => {
      const { kind, meta } = object;
      const imports = findImports(object, view.nodeStates);
      if (meta.isGoing || (conditions === null && imports === undefined)) return [];
      const change = { do: 'write status', kind, meta, conditions: conditions ?? object.conditions } as const;
      return [imports === undefined ? change : { ...change, imports }];
    }),
    ...told.select(planEvents(view, compiled, statuses)),
  ];
}
