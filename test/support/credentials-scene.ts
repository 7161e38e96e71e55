// SPDX-License-Identifier: Apache-2.0
import {
  type Answer,
  type CredentialsLab,
  type CredentialsLabOptions,
  startCredentialsLab,
} from './credentials-lab.ts';
import { rawField, startUpstream, type Upstreams } from './http-lab.ts';
import { type StrictOptions, type StrictServer, startStrictOAuthServer } from './strict-oauth-server.ts';

export interface SceneOptions extends Partial<Omit<CredentialsLabOptions, 'authentication' | 'upstreamPort'>> {
  readonly strict?: Partial<StrictOptions>;
  /** `oauth2` is that of the public client `leat` at the strict server; more may be added to it. */
  readonly authentication: (oauth2: { readonly tokenUrl: string }) => Readonly<Record<string, unknown>>;
  /** What the upstream answers to an Authorization field; default 200. */
  readonly status?: (authorization: string | null) => number;
}

export interface Scene {
  readonly server: StrictServer;
  readonly upstream: Upstreams;
  readonly lab: CredentialsLab;
  get(...headers: readonly string[]): Promise<Answer>;
  /** A field of the last request that the upstream got; null: it was not there. */
  seen(field: string): string | null;
  /** Whom the last request's Authorization speaks for, as the strict server knows it. */
  subject(): string | null;
}

interface Teardown {
  teardown(end: () => unknown): void;
}

/** An application, Leat, a strict authorization server and an upstream. */
export async function startScene(t: Teardown, options: SceneOptions): Promise<Scene> {
  const { strict, authentication, status = () => 200, ...rest } = options;
  const server = await startStrictOAuthServer(t, { client: { by: 'None' }, ...strict });
  const upstream = await startUpstream(t, (request, response) => {
    response.writeHead(status(request.headers.authorization ?? null)).end('answered by the upstream');
  });
  const oauth2 = {
    tokenUrl: `http://login.example:${server.port}/token`,
    allowCleartext: true,
    clientId: 'leat',
    clientAuthentication: 'None',
  };
  const lab = await startCredentialsLab(t, {
    ...rest,
    authentication: authentication(oauth2),
    upstreamPort: upstream.port,
  });
  const seen = (field: string) => rawField(upstream.heads.at(-1)?.headers ?? [], field.toLowerCase());
  return {
    server,
    upstream,
    lab,
    get: lab.get,
    seen,
    subject: () => server.subjectOf(seen('authorization')),
  };
}
