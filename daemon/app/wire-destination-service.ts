// SPDX-License-Identifier: Apache-2.0
import { type CredentialSource, createCredentialSource } from '../credentials/credential-source.ts';
import type { VerifyUserToken } from '../credentials/read-user-token.ts';
import { createTokenClient } from '../credentials/token-client.ts';
import { createVerifier } from '../credentials/verify-user-token.ts';
import { type AskService, createAskService } from '../destination-service/ask-service.ts';
import { createEntryCache } from '../destination-service/entry-cache.ts';
import { createListEntries, type ListEntries } from '../destination-service/list-entries.ts';
import { createServiceCredentials } from '../destination-service/service-credentials.ts';
import { LeatError } from '../errors/leat-error.ts';
import type { FollowControls, CredentialSource as HttpCredentials } from '../http/ports.ts';
import type { Clock } from '../net/clock.ts';
import type { DialDirect } from '../net/dial.ts';
import type { SnapshotFeed } from '../proxy/ports.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { createFollowControls } from './follow-controls.ts';

export interface DestinationServiceParts {
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** To what an administrator names: services may be in the cluster. */
  readonly dialEndpoint: DialDirect;
  /** Makes all other credentials. */
  readonly own: CredentialSource;
  readonly snapshots: Pick<SnapshotFeed, 'current'>;
}

export interface WiredDestinationService {
  readonly ask: AskService;
  readonly list: ListEntries;
  readonly followControls: FollowControls;
  /** All credentials: those that a Destination service makes, and Leat's own. */
  readonly credentials: HttpCredentials;
  close(): void;
}

const CONNECT_MS = 5_000;

/** Destination services, with tokens of their own: their endpoints are not held to what applications may reach. */
export function wireDestinationService({
  clock,
  metrics,
  dialEndpoint,
  own,
  snapshots,
}: DestinationServiceParts): WiredDestinationService {
  const ended = new AbortController();
  const dial = (host: string, port: number, signal: AbortSignal) =>
    dialEndpoint({ host, port, timeoutMs: CONNECT_MS }, signal);
  const tokens = createCredentialSource({
    clock,
    verify: nobodysToken,
    fetchToken: createTokenClient({
      clock,
      connect: (host, port, _via, signal) => dial(host, port, signal),
      onRequest: (outcome) => metrics.tokenRequests.inc({ outcome }),
    }),
  });
  const access = { connect: dial, tokenFor: tokens.tokenFor };
  const ask = createAskService(access);
  const service = createServiceCredentials({ ask, clock, signal: ended.signal });
  return {
    ask,
    list: createListEntries(access),
    followControls: createFollowControls({
      snapshots,
      entries: createEntryCache({ ask, clock, signal: ended.signal }),
      verify: createVerifier({ clock, connect: (host, port, _via, signal) => dial(host, port, signal) }),
    }),
    credentials: {
      headersAtHand: (authentication) =>
        authentication.type === 'DestinationService' ? null : own.headersAtHand(authentication),
      headersFor: (destination, authentication, caller, signal) =>
        authentication.type === 'DestinationService'
          ? service.headersFor(destination.id, authentication, caller, signal)
          : own.headersFor(destination, authentication, caller, signal),
      rejected: (destination, authentication, caller, refused, signal) =>
        authentication.type === 'DestinationService'
          ? service.rejected(destination.id, authentication, caller, refused, signal)
          : own.rejected(destination, authentication, caller, refused, signal),
    },
    close() {
      ended.abort(new LeatError('DRAINED', 'the daemon stopped'));
      tokens.close();
    },
  };
}

/** A service instance proves itself; no user is in it. */
const nobodysToken: VerifyUserToken = async () => {
  throw new LeatError('INTERNAL', 'no user token belongs to a service instance');
};
