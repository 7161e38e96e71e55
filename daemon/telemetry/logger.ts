// SPDX-License-Identifier: Apache-2.0
import { type Logger, pino } from 'pino';
import { LeatError } from '../errors/leat-error.ts';

export type { Logger };

/**
 * JSON lines on standard output. Of an error only code and message are written: libraries attach their options to
 * errors, passwords included, and pino's own serializer would copy every property.
 */
export function createLogger(level: string, node: string): Logger {
  return pino(
    {
      level,
      base: { node },
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: describeError },
    },
    pino.destination({ dest: 1, sync: false }),
  );
}

function describeError(error: unknown): object {
  if (error instanceof LeatError) return { code: error.code, message: error.message };
  if (error instanceof Error) return { type: error.constructor.name, message: error.message };
  return { type: typeof error };
}
