// SPDX-License-Identifier: Apache-2.0
import type { TlsIdentity } from '../destination/authentication-parts.ts';
import { LeatError } from '../errors/leat-error.ts';
import type { Clock } from '../net/clock.ts';

/** @throws SECRET_INVALID for a certificate whose life is over: whoever sees it would refuse it without saying why */
export function checkNotExpired({ notAfterMs }: TlsIdentity, what: string, clock: Clock): void {
  if (notAfterMs === undefined || clock.nowMs() < notAfterMs) return;
  const moment = new Date(notAfterMs).toISOString();
  throw new LeatError('SECRET_INVALID', `${what} expired at ${moment}: renew it where it is kept`);
}
