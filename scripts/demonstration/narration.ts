// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import type { Running } from '../../test/support/running.ts';

/** One line of the daemon's access log. */
export interface AccessRecord {
  readonly record: 'connection' | 'request';
  readonly flag: string;
  readonly durationMs: number;
  readonly [fact: string]: unknown;
}

/** The access log of the daemon, read as it grows. */
export class AccessLog {
  readonly #daemon: Running;
  #read = 0;

  constructor(daemon: Running) {
    this.#daemon = daemon;
  }

  /** Passes over what was written so far. */
  skip(): void {
    this.#read = this.#daemon.stdout().lastIndexOf('\n') + 1;
  }

  /** The records written since the last call; waits up to 5 s for the one of the connection, which is written last. */
  async next(): Promise<AccessRecord[]> {
    const until = Date.now() + 5_000;
    while (!this.since().some(({ record }) => record === 'connection') && Date.now() < until) await sleep(25);
    const records = this.since();
    this.skip();
    return records;
  }

  /** The records written since the last call of next() or skip(), without waiting. */
  since(): AccessRecord[] {
    const text = this.#daemon.stdout().slice(this.#read);
    return text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as AccessRecord)
      .filter(({ record }) => record === 'connection' || record === 'request');
  }
}

/** Tells a connection in the words of its records: who, to where, which rule, which credential, how long. */
export function narrate(records: readonly AccessRecord[]): string[] {
  return records
    .filter(({ record }) => record === 'connection')
    .flatMap((connection) => {
      const requests = records.filter(({ record, connection: id }) => record === 'request' && id === connection.id);
      const who = `${connection.namespace ?? '?'}/${connection.pod ?? '?'}`;
      const where = `${connection.host ?? 'no managed name'} (captured at ${connection.originalDestination ?? '?'})`;
      const lines = [`who    ${who} → ${where}`, `rule   ${connection.rule ?? 'none'}`];
      if (connection.flag === 'OK') {
        const upstream = requests[0]?.upstream ?? connection.upstream;
        if (upstream !== undefined) lines.push(`route  ${connection.route} to ${upstream}`);
      }
      for (const request of requests) {
        const credential = request.authentication === undefined ? '' : `, credential: ${request.authentication}`;
        lines.push(
          `asked  ${request.method} ${request.path} → ${request.status}${credential}, ${request.durationMs} ms`,
        );
        if (request.flag !== 'OK') lines.push(`why    ${request.flag}: ${request.reason ?? request.code}`);
      }
      if (connection.flag !== 'OK') lines.push(`why    ${connection.flag}: ${connection.reason ?? connection.code}`);
      lines.push(
        `took   ${connection.durationMs} ms, ${connection.sentBytes} bytes sent, ${connection.receivedBytes} received`,
      );
      return lines;
    });
}
