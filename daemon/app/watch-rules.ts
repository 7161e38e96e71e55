// SPDX-License-Identifier: Apache-2.0
import { checkRules } from '../capture/check-rules.ts';
import { readInitRecord } from '../capture/read-init-record.ts';
import type { Logger } from '../telemetry/logger.ts';

export interface RuleWatchParts {
  /** Where `init` left what it decided. */
  readonly initStateDirectory: string;
  /** Puts the jump of the default action Deny back where it is needed; tells whether it was missing. */
  readonly checkDeny: () => Promise<boolean>;
  readonly log: Logger;
  readonly onGood: () => void;
  readonly onProblem: (reason: string) => void;
}

const EVERY_MS = 30_000;

/** Checks every 30 s that Leat's jumps stand where they have to, and has them put back. */
export function watchRules(parts: RuleWatchParts): { stop(): Promise<void> } {
  const { log, onGood, onProblem } = parts;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let last = '';
  const check = async (): Promise<void> => {
    const problems = await findProblems(parts);
    if (stopped) return;
    const reason = problems.join('; ');
    if (reason !== last && reason !== '') log.error(reason);
    last = reason;
    if (reason === '') onGood();
    else onProblem(reason);
    timer = setTimeout(() => {
      running = check();
    }, EVERY_MS);
  };
  let running = check();
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

async function findProblems({ initStateDirectory, checkDeny, log }: RuleWatchParts): Promise<readonly string[]> {
  try {
    const record = await readInitRecord(initStateDirectory);
    if (record === null) return [`init has not run in this boot of the node: nothing in ${initStateDirectory}`];
    const { repaired, problems } = await checkRules(record);
    for (const repair of repaired) log.warn(repair);
    if (await checkDeny()) log.warn('the jump of the default action Deny was missing, and was put first');
    return problems;
  } catch (error) {
    return [`the rules can not be checked: ${error instanceof Error ? error.message : error}`];
  }
}
