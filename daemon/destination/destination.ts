// SPDX-License-Identifier: Apache-2.0
/** The inner shape of Destinations and Tunnels: defaults filled in, Secrets resolved, ready to be decided on. */
import type { From, Level } from '../../api/kinds/destination-source.ts';
import type { LeatError } from '../errors/leat-error.ts';
import type { EntryAllow } from './allow-entry.ts';
import type { PrivateKeyJwt, SamlRule, TlsIdentity, TokenExchangeRule, UserTokenRule } from './authentication-parts.ts';
import type { Secret } from './secret.ts';

/** What the application speaks on a port. Declared, never sniffed: server-first protocols must not stall. */
export type Protocol = 'http' | 'https' | 'tls' | 'tcp';

/** An OAuth 2.0 client (RFC 6749 §2), with everything needed to ask for a token. */
export interface OAuth2Client {
  readonly tokenUrl: string;
  /** `{tenant}` in `tokenUrl` stands for the tenant of the token service, which each request says. */
  readonly isPerTenant?: true;
  readonly clientId: Secret;
  /** null where the client proves itself otherwise. */
  readonly clientSecret: Secret | null;
  readonly clientAuthentication: 'Body' | 'Basic' | 'PrivateKeyJwt' | 'MutualTls' | 'None';
  readonly scope: string | null;
  readonly parameters: readonly { readonly name: string; readonly value: string }[];
  /** PEM; replaces the system's roots. */
  readonly ca: string | null;
  /** Whether the client secret may go to an http:// endpoint; default false. Asked again before it is sent. */
  readonly allowCleartext?: boolean;
  /** Header fields and queries of the token request. */
  readonly headers?: readonly RequestField[];
  readonly queries?: readonly RequestField[];
  /** Shown in TLS to the token endpoint. */
  readonly identity?: TlsIdentity | null;
  readonly privateKeyJwt?: PrivateKeyJwt | null;
  /** Null or missing: the token endpoint is reached directly. */
  readonly via?: TokenTunnel | null;
  /** Until a token request is answered; default 10 000. */
  readonly timeoutMs?: number;
}

export interface RequestField {
  readonly name: string;
  readonly value: string | Secret;
}

/** The tunnel that leads to a token endpoint. */
export interface TokenTunnel {
  readonly tunnel: Tunnel;
  readonly locationId: string | null;
  /** Whether the Tunnel's `allow` admits a workload of the namespace to the token endpoint; asked before each use. */
  readonly allows: (namespace: string) => boolean;
}

export type Authentication =
  | { readonly type: 'None' }
  | { readonly type: 'Basic'; readonly username: Secret; readonly password: Secret }
  | { readonly type: 'Header'; readonly name: string; readonly prefix: string; readonly value: Secret }
  | ({ readonly type: 'ClientCertificate' } & TlsIdentity)
  | { readonly type: 'OAuth2ClientCredentials'; readonly client: OAuth2Client }
  | {
      readonly type: 'OAuth2Password';
      readonly client: OAuth2Client;
      readonly username: Secret;
      readonly password: Secret;
    }
  | { readonly type: 'OAuth2RefreshToken'; readonly client: OAuth2Client; readonly userToken: UserTokenRule }
  | {
      readonly type: 'OAuth2AuthorizationCode';
      readonly client: OAuth2Client;
      readonly userToken: UserTokenRule;
      readonly redirectUri: string | null;
    }
  | { readonly type: 'OAuth2JwtBearer'; readonly client: OAuth2Client; readonly userToken: UserTokenRule }
  | {
      readonly type: 'OAuth2TokenExchange';
      readonly client: OAuth2Client;
      readonly userToken: UserTokenRule;
      readonly exchange: TokenExchangeRule;
    }
  | {
      readonly type: 'OAuth2SamlBearer';
      readonly client: OAuth2Client;
      readonly userToken: UserTokenRule;
      readonly saml: SamlRule;
    }
  | { readonly type: 'SamlAssertion'; readonly userToken: UserTokenRule; readonly saml: SamlRule }
  | { readonly type: 'PrincipalPropagation'; readonly userToken: UserTokenRule }
  | { readonly type: 'OAuth2TechnicalUserPropagation'; readonly client: OAuth2Client }
  | { readonly type: 'TokenForwarding'; readonly userToken: UserTokenRule }
  | { readonly type: 'ClientHandledAuthentication' }
  | ServiceAuthentication;

/** The credential is made by Leat itself. */
export type OwnAuthentication = Exclude<Authentication, ServiceAuthentication>;

/** A service instance, as its binding describes it. */
export interface ServiceInstance {
  /** Of the DestinationSource. */
  readonly name: string;
  /** Base of its API, without a slash at its end; https. */
  readonly uri: string;
  /** Which instance it is, also through a renewal of its binding: what was got from it is still good then. */
  readonly instance: string;
  /** Gets the token that every request to it needs. */
  readonly client: OAuth2Client;
  /** Shown in TLS to the service, which wants that beside a token of IAS; null: none. */
  readonly identity: TlsIdentity | null;
  /** Whether it can be asked for one level ("consume", v2), which takes no token of IAS. */
  readonly answersLevels: boolean;
  /** PEM; replaces the system's roots. */
  readonly ca: string | null;
  readonly requestTimeoutMs: number;
  /** The tenant that the binding is of; what the binding does not say is null. */
  readonly ownTenant: { readonly subdomain: string | null; readonly id: string | null };
}

/** A subscribed tenant, by one of its two names. */
export interface Tenant {
  readonly kind: 'subdomain' | 'id';
  readonly value: string;
}

/** An entry that a Destination names, with what is laid over it. */
export interface ServiceLookup {
  /** Gets tokens of the tenant, where there is one. */
  readonly service: ServiceInstance;
  /** null: that of the binding. */
  readonly tenant: Tenant | null;
  readonly name: string;
  /** null: instance first, then subaccount ("find", v1). */
  readonly level: Level | null;
  readonly fragments: readonly { readonly name: string; readonly level: Level | null; readonly optional: boolean }[];
  readonly chain: ChainRule | null;
  /** Actions ask for labels of the entry, which come by a request of their own. */
  readonly withLabels?: true;
  /** A digest of all of this, but of the instance alone in place of the service: same key, same answer. */
  readonly key: string;
}

/** All entries that an instance keeps at one level. */
export interface ServiceImport {
  readonly service: ServiceInstance;
  readonly level: 'subaccount' | 'instance';
  /** Of the instance and the level, as that of a lookup. */
  readonly key: string;
}

export interface ChainRule {
  readonly name: string;
  readonly variables: readonly { readonly name: string; readonly value: string }[];
}

/** The credential comes ready-made from an SAP Destination service. */
export interface ServiceAuthentication {
  readonly type: 'DestinationService';
  readonly lookup: ServiceLookup;
  /** As the entry says it, for people. */
  readonly sapType: string;
  /** What the application's bearer token is to the service; null: no token of a user is needed. */
  readonly callerToken: 'User' | 'Refresh' | 'Code' | 'Subject' | null;
  /** `tokenServiceURLType`: whether the token service is the same for all tenants, so that one has to be named. */
  readonly tokenService: 'Dedicated' | 'Common';
}

export interface UpstreamTls {
  /** Name sent as SNI and verified; null: the upstream host. */
  readonly serverName: string | null;
  /** PEM; replaces the system's roots. */
  readonly ca: string | null;
  /** The peer's certificate is not verified. Missing: it is. */
  readonly isUnverified?: true;
}

export interface DestinationPort {
  readonly port: number;
  readonly protocol: Protocol;
  readonly upstream: {
    /** null: the name that was asked. */
    readonly host: string | null;
    readonly port: number;
    /** Put in front of every path; never ends in a slash; may be empty. */
    readonly pathPrefix: string;
    /** null: Leat does not originate TLS. */
    readonly tls: UpstreamTls | null;
  };
}

/** A header or a query that is added to each request. */
export interface StaticField {
  readonly name: string;
  readonly value: string | Secret;
  readonly mode: 'append' | 'set';
}

/** Who may use a Destination. `null` means: any. Both must hold. */
export interface WorkloadRule {
  readonly matchesLabels: ((labels: Readonly<Record<string, string>>) => boolean) | null;
  readonly serviceAccounts: ReadonlySet<string> | null;
}

interface AnyTunnel {
  readonly name: string;
  readonly endpoints: readonly { readonly host: string; readonly port: number }[];
  readonly tls: UpstreamTls | null;
  readonly connectTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
}

/** `None`, or RFC 1929 in SOCKS5 and Basic (RFC 7617) in HTTP. */
type SimpleTunnelAuthentication =
  | { readonly type: 'None' }
  | { readonly type: 'UserPassword'; readonly username: Secret; readonly password: Secret };

export interface Socks5Tunnel extends AnyTunnel {
  readonly protocol: 'socks5';
  readonly authentication: SimpleTunnelAuthentication | { readonly type: 'SapJwt'; readonly client: OAuth2Client };
}

type HttpTunnelAuthentication = SimpleTunnelAuthentication | { readonly type: 'Bearer'; readonly client: OAuth2Client };

/** A proxy that is asked to CONNECT (RFC 9110 §9.3.6): bytes of any kind afterwards. */
export interface HttpConnectTunnel extends AnyTunnel {
  readonly protocol: 'httpConnect';
  readonly authentication: HttpTunnelAuthentication;
}

/** A proxy that is sent requests in absolute form (RFC 9112 §3.2.2): HTTP alone. */
export interface HttpForwardTunnel extends AnyTunnel {
  readonly protocol: 'httpForward';
  readonly authentication: HttpTunnelAuthentication;
  /** Which of several regions the proxy is to use; null: it has one. */
  readonly regionId: string | null;
  /** What the proxy takes of a request line, and of all header fields together. */
  readonly maxRequestHeadBytes: number;
}

export type Tunnel = Socks5Tunnel | HttpConnectTunnel | HttpForwardTunnel;

export type DestinationRoute =
  | { readonly type: 'internet' }
  | {
      readonly type: 'onPremise';
      readonly tunnel: Tunnel;
      readonly locationId: string | null;
      /** Name asked of the tunnel; null: the upstream host. */
      readonly virtualHost: string | null;
      /**
       * Whether the Tunnel's `allow` admits the workload's namespace to this host and port, as they are asked of the tunnel.
       * Checked for each connection; where it is missing nobody is admitted.
       */
      readonly allows?: (namespace: string, host: string, port: number) => boolean;
    };

/** What of an entry decides on its credential. */
export interface EntryFacts {
  readonly proxyType: 'Internet' | 'OnPremise';
  readonly authentication: Authentication;
  /** As the service has them, for actions. */
  readonly properties?: Readonly<Record<string, Secret>>;
  readonly labels?: EntryLabels;
}

/** Values by key. */
export type EntryLabels = Readonly<Record<string, readonly string[]>>;

/** Tokens that Leat gets by itself in place of what an entry says. */
export interface ActionRule {
  readonly asksLabels: boolean;
  /** @throws where one should apply and can't: DESTINATION_NOT_READY, DESTINATION_ENTRY_*, SECRET_* */
  readonly authenticationOf: (entry: EntryFacts) => Authentication;
}

/** How SAP's control headers of a request are read: they choose the entry, or change what is laid over it. */
export interface ControlRule {
  /** Of the DestinationSource; undefined: the default one. */
  readonly source: string | undefined;
  /** What the Destination names; null: a gateway, whose requests name it. */
  readonly from: From | null;
  /** What requests to a gateway may name; null: what the source allows. */
  readonly allow: EntryAllow | null;
  /** The tenant that its Service is for; null: each request names it, where the source is for several. */
  readonly tenant: Tenant | null;
  /** The Destination's own, which win over those of the entry. */
  readonly timeouts: { readonly connectMs?: number; readonly responseMs?: number };
  /** Of the Destination; null: none. */
  readonly actions: ActionRule | null;
}

export interface Destination {
  /**
   * `Destination namespace/name` or `ClusterDestination name`; for what is imported `DestinationSource source/level/entry`.
   * Unique, and what people and records see.
   */
  readonly id: string;
  /** The Destination's namespace; null for a ClusterDestination. */
  readonly namespace: string | null;
  /** Namespaces whose workloads may use it. */
  readonly admitsNamespace: (namespace: string) => boolean;
  /** False: a ClusterDestination that no Destination may stand in front of. */
  readonly overridable: boolean;
  /** All entries of a source were imported, this one with them: every other Destination goes before it. */
  readonly isImported?: true;
  readonly createdAtMs: number;
  readonly hosts: readonly string[];
  /** Path prefixes, http only; at least one. */
  readonly paths: readonly string[];
  readonly ports: readonly DestinationPort[];
  /** What DNS answers for its hosts. */
  readonly addresses: 'Synthetic' | 'Real';
  readonly headers: readonly StaticField[];
  readonly queries: readonly StaticField[];
  readonly connectTimeoutMs: number;
  readonly responseTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly retries: { readonly count: number; readonly statuses: readonly number[] };
  readonly workloads: WorkloadRule;
  readonly allowCleartext: boolean;
  /** Missing: such headers are the application's own, and pass. */
  readonly controls?: ControlRule;
  /**
   * What is needed to take a connection, or why it can't be had: a Secret that is missing or not released, a Tunnel that
   * does not allow it. A Destination with a problem keeps its hosts: what is sent there fails, it is never sent without.
   */
  readonly resolved:
    | { readonly ready: true; readonly route: DestinationRoute; readonly authentication: Authentication }
    | { readonly ready: false; readonly problem: LeatError };
}
