// SPDX-License-Identifier: Apache-2.0
import { Secret } from '../destination/secret.ts';
import type { HttpForwardVia } from '../routing/route.ts';
import type { TokenFor } from './passage.ts';
import { proxyCredential } from './proxy-credential.ts';

/** A header field of a request to a proxy; `null`: the application's own is taken away, and none is put there. */
export interface ForwardField {
  readonly name: string;
  readonly value: Secret | null;
}

/** What a proxy is told with each request. `refresh`: the last token was refused. @throws CREDENTIAL_*, SECRET_INVALID */
export type ForwardFields = (
  via: HttpForwardVia,
  options: { readonly refresh: boolean },
  signal: AbortSignal,
) => Promise<readonly ForwardField[]>;

/** Read by SAP's Connectivity Proxy (SAP Help, "Consuming the Connectivity Service" and "Multi-Region Mode"). */
const LOCATION = 'SAP-Connectivity-SCC-Location_ID';
const REGION = 'SAP-Connectivity-Region-Configuration-Id';
/** Names a tenant where the proxy trusts whoever reaches it: Leat has one tenant for a Tunnel, and no pod has a say in it. */
const TENANT = 'SAP-CP-Connectivity-Service-Token';

/**
 * The credential, and which connector of which region is meant. All of them have one writer: a pod that could name a
 * location itself would get around the Tunnel's `allow`.
 */
export function createForwardFields(tokenFor: TokenFor): ForwardFields {
  return async ({ tunnel, locationId }, { refresh }, signal) => [
    {
      name: 'Proxy-Authorization',
      value: await proxyCredential(tunnel.authentication, (client) => tokenFor(client, { refresh }, signal)),
    },
    { name: LOCATION, value: given(locationId) },
    { name: REGION, value: given(tunnel.regionId) },
    { name: TENANT, value: null },
  ];
}

function given(text: string | null): Secret | null {
  return text === null ? null : new Secret(text);
}
