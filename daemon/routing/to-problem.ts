// SPDX-License-Identifier: Apache-2.0
import { conditionReason } from '../errors/condition-reason.ts';
import type { LeatError } from '../errors/leat-error.ts';
import type { ResourceProblem } from './snapshot.ts';

/** What an error says of a resource, under the reason that its condition gets. */
export function toProblem(resource: string, { code, message }: LeatError): ResourceProblem {
  return { resource, reason: conditionReason(code), message };
}
