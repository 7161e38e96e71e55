// SPDX-License-Identifier: Apache-2.0
/** A valid resource of every kind, made anew for each test to break. */

export const namespace = () => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'shop', labels: { 'leat.dev/intercept': 'enabled' } },
});

export const pod = () => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web-0', namespace: 'shop', uid: 'a-b-c', labels: { app: 'web' } },
  spec: { nodeName: 'node-1', serviceAccountName: 'default', hostNetwork: false },
  status: { phase: 'Running', podIPs: [{ ip: '10.0.0.7' }, { ip: 'fd00::7' }] },
});

export const secret = () => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'erp', namespace: 'shop', labels: { 'leat.dev/credential': 'true' } },
  data: { password: 'aHVudGVyMg==' },
  stringData: { username: 'web' },
});

/** On the Internet: http with TLS origination, OAuth2, and everything that can be added. */
export const destination = () => ({
  apiVersion: 'leat.dev/v1alpha1',
  kind: 'Destination',
  metadata: { name: 'api', namespace: 'shop' },
  spec: {
    hosts: ['api.partner.com', '*.partner.net'],
    paths: ['/v1', '/v2/orders'],
    ports: [
      {
        port: 80,
        protocol: 'http',
        upstream: {
          host: 'gateway.partner.com',
          port: 8443,
          pathPrefix: '/public',
          tls: { serverName: 'api.partner.com', ca: { name: 'partner-ca', key: 'ca.crt' } },
        },
      },
      { port: 443, protocol: 'https', upstream: { host: '192.0.2.7' } },
      { port: 5432, protocol: 'tcp' },
    ],
    addresses: 'Synthetic',
    route: { type: 'internet' },
    authentication: {
      type: 'OAuth2ClientCredentials',
      oauth2: {
        tokenUrl: 'https://login.partner.com/oauth/token',
        secret: 'partner',
        clientAuthentication: 'Basic',
        scope: 'read write',
        parameters: [{ name: 'audience', value: 'https://api.partner.com' }],
      },
    },
    headers: [
      { name: 'X-Tenant', value: 'shop 1', mode: 'set' },
      { name: 'X-Key', secret: { name: 'partner', key: 'api-key' }, mode: 'append' },
    ],
    queries: [{ name: 'client', value: 'shop', mode: 'set' }],
    timeouts: { connectMs: 3000, responseMs: 30_000, idleMs: 60_000 },
    retries: { count: 2, statuses: [503] },
    workloads: { podSelector: { matchLabels: { app: 'web' } }, serviceAccounts: ['default'] },
  },
});

/** Through a tunnel: no TLS, and a credential all the same. */
export const clusterDestination = () => ({
  apiVersion: 'leat.dev/v1alpha1',
  kind: 'ClusterDestination',
  metadata: { name: 'erp' },
  spec: {
    hosts: ['erp.corp.internal'],
    ports: [{ port: 80, protocol: 'http' }],
    route: { type: 'onPremise', tunnel: 'corp', locationId: 'berlin', virtualHost: 'erp.virtual' },
    authentication: { type: 'Basic', basic: { secret: 'erp', usernameKey: 'user', passwordKey: 'pass' } },
    workloads: { all: true },
    namespaces: { selector: { matchExpressions: [{ key: 'team', operator: 'In', values: ['a', 'b'] }] } },
    overridable: false,
  },
});

export const tunnel = () => ({
  apiVersion: 'leat.dev/v1alpha1',
  kind: 'Tunnel',
  metadata: { name: 'corp' },
  spec: {
    protocol: 'socks5',
    endpoints: [
      { host: 'connectivity-proxy.sap', port: 20004 },
      { host: 'fd00::9', port: 1080 },
    ],
    tls: { serverName: 'proxy.sap' },
    authentication: { type: 'UserPassword', userPassword: { secret: 'corp' } },
    allow: [
      {
        namespaces: { names: ['shop'] },
        hosts: ['*.virtual'],
        ports: [{ port: 80 }, { port: 8000, endPort: 8999 }],
        locationIds: ['berlin'],
      },
    ],
    timeouts: { connectMs: 1000, handshakeMs: 2000 },
  },
});

export const destinationSource = () => ({
  apiVersion: 'leat.dev/v1alpha1',
  kind: 'DestinationSource',
  metadata: { name: 'btp' },
  spec: {
    default: true,
    binding: {
      secret: 'destination-binding',
      jsonKey: 'credentials',
      identity: { secret: 'identity-key', jsonKey: 'credentials' },
      clientCertificate: { secret: 'svid', certificateKey: 'svid.pem', keyKey: 'svid_key.pem' },
    },
    tenantMode: 'dedicated',
    ca: { name: 'btp-ca', key: 'ca.crt' },
    tunnel: 'corp',
    allow: [
      {
        namespaces: { names: ['shop'] },
        destinationNames: ['shop-*', 'erp'],
        levels: ['subaccount', 'instance'],
        fragmentNames: ['*-test'],
        chainNames: ['com.sap.*'],
      },
    ],
    import: [{ level: 'subaccount', names: ['*'], allowCleartext: false }],
    allowInsecure: false,
    timeouts: { requestMs: 5000 },
  },
});

/** An entry of a Destination service, with everything that can be laid over it. */
export const destinationFrom = () => ({
  apiVersion: 'leat.dev/v1alpha1',
  kind: 'Destination',
  metadata: { name: 'crm', namespace: 'shop' },
  spec: {
    hosts: ['crm.partner.com'],
    from: {
      source: 'btp',
      name: 'shop-crm',
      level: 'subaccount',
      fragments: [{ name: 'crm-test', level: 'subaccount', optional: true }],
      chain: { name: 'com.sap.sequentialUserPropagation', variables: [{ name: 'x', value: 'y' }] },
    },
    actions: [
      {
        type: 'OAuth2JwtBearer',
        secret: { name: 'ias', key: 'credentials' },
        triggers: [
          { exist: { properties: ['tokenService.body.resource'] } },
          { exactMatch: [{ property: 'HTML5.ForwardAuthToken', value: 'true' }] },
        ],
      },
    ],
    timeouts: { responseMs: 1000 },
    workloads: { all: true },
  },
});

/** Each request names the entry that it is for. */
export const gateway = () => ({
  apiVersion: 'leat.dev/v1alpha1',
  kind: 'Destination',
  metadata: { name: 'gateway', namespace: 'shop' },
  spec: {
    gateway: {
      source: 'btp',
      allow: { names: ['shop-*'], levels: ['subaccount', 'instance'], fragments: ['*-test'], chains: ['com.sap.*'] },
    },
    service: { name: 'gateway', ports: [80, 8080] },
    workloads: { all: true },
  },
});

/** Entries of the tenant that each request names. */
export const sharedSource = () => {
  const { import: _, binding, ...spec } = destinationSource().spec;
  const { identity: __, ...ofXsuaa } = binding;
  return {
    ...destinationSource(),
    metadata: { name: 'saas' },
    spec: {
      ...spec,
      binding: ofXsuaa,
      tenantMode: 'shared',
      tenants: {
        allow: [{ namespaces: { names: ['shop'] }, subdomains: ['acme'], ids: ['*'] }],
        userToken: {
          issuer: 'https://{tenant}.authentication.eu10.hana.ondemand.com/oauth/token',
          audience: 'shop',
          jwksUri: 'https://authentication.eu10.hana.ondemand.com/token_keys',
        },
      },
      regions: [{ id: 'eu10', tunnel: 'cloud-connector' }],
    },
  };
};

export const nodePolicy = () => ({
  apiVersion: 'leat.dev/v1alpha1',
  kind: 'NodePolicy',
  metadata: { name: 'default' },
  spec: {
    priority: 0,
    nodes: { all: true },
    admit: true,
    defaultAction: 'Deny',
    optOut: 'Forbidden',
    connectionsPerPod: 100,
    accessLog: 'Refused',
    hosts: [{ hosts: ['*.corp.internal'], namespaces: { all: true }, action: 'Allow' }],
    capture: { cidrs: ['192.0.2.0/24', '2001:db8::/32'], exclude: ['192.0.2.1/32'] },
    upstreams: { allow: [{ cidr: '10.96.0.0/12', ports: [{ port: 443 }] }], deny: [{ cidr: '0.0.0.0/0' }] },
    failure: 'ClosedKnown',
    rules: [{ name: 'shops', namespaces: { names: ['shop'] }, defaultAction: 'Allow' }],
  },
});

export const EXAMPLES = {
  namespace,
  pod,
  secret,
  destination,
  clusterDestination,
  tunnel,
  destinationSource,
  destinationFrom,
  gateway,
  sharedSource,
  nodePolicy,
};
