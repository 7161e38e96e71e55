// SPDX-License-Identifier: Apache-2.0
import type { EntryLabels, ServiceLookup } from '../destination/destination.ts';
import { LeatError } from '../errors/leat-error.ts';
import { parseLabels, type ServiceAnswer } from './parse-answer.ts';
import { createReadService, type ServiceAccess, unavailable } from './read-service.ts';

/**
 * Asks for the labels of an entry that was found (SAP Cloud SDK for Python, `get_destination_labels`).
 * @throws DESTINATION_SERVICE_UNAVAILABLE, DESTINATION_ENTRY_INVALID, DESTINATION_ENTRY_UNSUPPORTED; the signal's reason
 */
type AskLabels = (lookup: ServiceLookup, found: ServiceAnswer, signal: AbortSignal) => Promise<EntryLabels>;

/** Reads them where the entry was found: the service has labels of an instance and of a subaccount only. */
export function createAskLabels(parts: ServiceAccess): AskLabels {
  const read = createReadService(parts);
  return async ({ service, name, level }, { isOfInstance }, signal) => {
    const at = level ?? (isOfInstance === true ? 'instance' : 'subaccount');
    if (at !== 'instance' && at !== 'subaccount') {
      throw new LeatError(
        'DESTINATION_ENTRY_UNSUPPORTED',
        `the service gives no labels of level ${at}, which a trigger asks for`,
      );
    }
    const { status, text } = await read(service, `${at}Destinations/${encodeURIComponent(name)}/labels`, signal);
    if (status === 200) return parseLabels(text);
    // It was found a moment ago, and has none.
    if (status === 404) return {};
    throw unavailable(`answered ${status} for the labels of "${name}"`, service.name);
  };
}
