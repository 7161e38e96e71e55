// SPDX-License-Identifier: Apache-2.0
import type { OAuth2Client } from '../destination/destination.ts';
import type { Secret } from '../destination/secret.ts';
import type { TunnelSession } from './endpoint.ts';

/** An access token for a tunnel. `refresh`: the last one was refused, another one is needed. @throws CREDENTIAL_* */
export type TokenFor = (
  client: OAuth2Client,
  options: { readonly refresh: boolean },
  signal: AbortSignal,
) => Promise<Secret>;

/** The token that goes with this attempt. @throws CREDENTIAL_* */
export type GetToken = (client: OAuth2Client) => Promise<Secret>;

/** What has to be said on a connection to an endpoint until it leads to the target. */
export interface Passage {
  /** Where another endpoint may do better. */
  readonly introduce: (session: TunnelSession) => Promise<void>;
  /** Where another endpoint would say the same. */
  readonly ask: (session: TunnelSession) => Promise<void>;
}
