// SPDX-License-Identifier: Apache-2.0
import { fileURLToPath } from 'node:url';
import type { Place } from './place.ts';

const INSTALL_GO = fileURLToPath(new URL('../../scripts/setup/install-go', import.meta.url));
const PROGRAM = fileURLToPath(new URL('cel', import.meta.url));

/** What a new API server has to say against definitions and, in their order, against resources. */
export interface Refusals {
  readonly definitions: readonly string[];
  /** Those of the rules are asked where the schema has nothing to say. */
  readonly resources: readonly { readonly schema: readonly string[]; readonly rules: readonly string[] }[];
}

/**
 * Asks the code of a new API server, without the server. Go builds it: on a machine that has built helm half a minute, for
 * both are of the same modules, and later nothing.
 */
export async function checkDefinitions(
  place: Place,
  definitions: readonly object[],
  resources: readonly object[],
): Promise<Refusals> {
  const go = (await place.run([INSTALL_GO], { timeoutMs: 600_000 })).stdout.trim();
  const { stdout } = await place.run([go, 'run', '.'], {
    cwd: PROGRAM,
    // as scripts/setup/install-helm builds, so that what is built is used again
    env: { CGO_ENABLED: '0', GOTOOLCHAIN: 'auto' },
    input: JSON.stringify({ definitions, resources }),
    timeoutMs: 600_000,
  });
  return JSON.parse(stdout);
}
