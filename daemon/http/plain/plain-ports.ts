// SPDX-License-Identifier: Apache-2.0
import type { LeatError } from '../../errors/leat-error.ts';
import type { HttpEngine } from '../../native/http-engine.ts';
import type { CredentialSource, RelayResult } from '../ports.ts';
import type { PlanOf } from './share-plans.ts';
import type { UpstreamLegs } from './upstream-legs.ts';

/** Whoever waits for an answer of an upstream leg. */
export interface AnswerTaker {
  /** @param offset @param length of its head, in the engine's inbox */
  onAnswer(offset: number, length: number): void;
  fail(error: LeatError): void;
}

export interface PlainPorts {
  readonly engine: HttpEngine;
  readonly legs: UpstreamLegs;
  readonly planOf: PlanOf;
  readonly credentials: CredentialSource;
  readonly isDraining: () => boolean;
  /** Rows of the upstream slot are the connection's from now on, until another one has it. */
  readonly follow: (upstreamSlot: number, connection: AnswerTaker) => void;
  /** The downstream slot is nobody's any more. */
  readonly leave: (slot: number) => void;
}

/** How a connection leaves the plain path. */
export type PlainEnd =
  | { readonly kind: 'gone'; readonly result: RelayResult }
  | {
      /** What the client sent is for the general path: not plain, or `isLate`, an unfinished head whose time is over. */
      readonly kind: 'handedOver';
      readonly fd: number;
      readonly bytes: Buffer;
      readonly isLate: boolean;
      readonly readBytes: number;
      readonly writtenBytes: number;
    };
