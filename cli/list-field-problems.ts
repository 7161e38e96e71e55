// SPDX-License-Identifier: Apache-2.0
import { reasonOf } from '../api/field-problem.ts';
import { parseResource } from '../api/parse-resource.ts';

/** What keeps a resource from being valid, each as one line; empty: it is. */
export function listFieldProblems(resource: unknown): string[] {
  const parsed = parseResource(resource);
  return parsed.ok ? [] : parsed.problems.map((problem) => `${problem.field} ${reasonOf(problem)}`);
}
