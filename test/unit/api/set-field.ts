// SPDX-License-Identifier: Apache-2.0

/** Sets the field that a path such as `spec.ports[0].upstream.tls` names; undefined removes it. */
export function setField(resource: object, field: string, value: unknown): void {
  const steps = field.split(/[.[\]]+/).filter((step) => step !== '');
  const last = steps.pop()!;
  let parent = resource as Record<string, unknown>;
  for (const step of steps) {
    parent[step] ??= {};
    parent = parent[step] as Record<string, unknown>;
  }
  if (value === undefined) delete parent[last];
  else parent[last] = value;
}
