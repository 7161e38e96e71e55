// SPDX-License-Identifier: Apache-2.0
import type { ErrorCode } from './error-codes.ts';

/** A code as the reason of a condition: `SECRET_NOT_RELEASED` → `SecretNotReleased`. */
export function conditionReason(code: ErrorCode): string {
  return code
    .split('_')
    .map((word) => word.charAt(0) + word.slice(1).toLowerCase())
    .join('');
}
