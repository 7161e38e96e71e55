// SPDX-License-Identifier: Apache-2.0
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lab } from '../../test/support/lab.ts';
import type { Leat } from './leat.ts';
import type { Networks } from './networks.ts';
import { DATABASE } from './servers.ts';

/** The line that scripts/demo waits for. */
const UP = "Leat's demo stays up.";

/** Makes a command for each namespace, and says what can be done with them. */
export async function explainHowToPlay(lab: Lab, networks: Networks, leat: Leat): Promise<string> {
  const folder = await lab.tempDir();
  for (const [name, namespace] of Object.entries(networks) as [string, Networks[keyof Networks]][]) {
    const entry = namespace.entry.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
    await writeFile(join(folder, name), `#!/bin/sh\nexec ${entry} "$@"\n`);
    await chmod(join(folder, name), 0o755);
  }
  return `
${UP} As root:
  ${folder}/shop curl -i http://api.partner.example/orders
  ${folder}/shop env PGPASSWORD=${DATABASE.password} psql -h db.corp.internal -U ${DATABASE.user} ${DATABASE.database}
  ${folder}/shop curl -i http://erp.corp.internal:8080/stock
  ${folder}/crm bash                                    # a shell in the other pod; node, internet, onPremise are there too
  ${folder}/node iptables-save | grep LEAT              # what init programmed
  ${folder}/node curl -s http://127.0.0.1:15020/metrics
  ls ${leat.resources}                        # edit these files: the daemon follows within a second
End it with: scripts/demo --end`;
}
