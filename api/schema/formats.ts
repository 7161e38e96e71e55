// SPDX-License-Identifier: Apache-2.0
/**
 * Formats of strings, each with the words that tell a person what is expected. The patterns are within what both
 * ECMAScript and RE2 (the API server's engine) read alike.
 */

export interface Format {
  readonly pattern: string;
  readonly maxLength: number;
  /** Completes the sentence "must be ...". */
  readonly expected: string;
}

const LABEL = '[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?';
/** Objects of Kubernetes may have labels longer than 63 characters in their names: only the whole is bounded. */
const SUBDOMAIN = '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*';

export const FORMATS = {
  /** RFC 1123 host name, at least one label. */
  hostName: {
    pattern: `^${LABEL}(\\.${LABEL})*$`,
    maxLength: 253,
    expected:
      'a host name in lower case, without trailing dot, port or underscore (RFC 1123); international names as xn--',
  },
  hostPattern: {
    pattern: `^(\\*|(\\*\\.)?${LABEL}(\\.${LABEL})*)$`,
    maxLength: 255,
    expected: 'a host name in lower case without trailing dot or port, or *.suffix for names that end in the suffix',
  },
  hostOrAddress: {
    pattern: `^(${LABEL}(\\.${LABEL})*|[0-9a-f]*:[0-9a-f:.]+)$`,
    maxLength: 253,
    expected: 'a host name in lower case without scheme or port, or an IP address without brackets',
  },
  cidr: {
    pattern: '^[0-9a-fA-F:.]+/[0-9]{1,3}$',
    maxLength: 49,
    expected: 'a range of addresses such as 10.0.0.0/8 or fd00::/8',
  },
  resourceName: {
    pattern: `^${SUBDOMAIN}$`,
    maxLength: 253,
    expected: 'the name of a Kubernetes object: lower-case letters, digits, "-" and "." (DNS-1123)',
  },
  namespaceName: {
    pattern: `^${LABEL}$`,
    maxLength: 63,
    expected: 'the name of a namespace: lower-case letters, digits and "-" (DNS-1123 label)',
  },
  /** RFC 1035 label, as every version of Kubernetes takes it. */
  serviceName: {
    pattern: '^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$',
    maxLength: 63,
    expected: 'the name of a Service: lower-case letters, digits and "-", a letter first (DNS-1035 label)',
  },
  secretKey: {
    pattern: '^[-._a-zA-Z0-9]+$',
    maxLength: 253,
    expected: 'a key of a Secret: letters, digits, "-", "_" and "."',
  },
  /** No slash and no dot in front: it stays in its folder. */
  fileName: {
    pattern: '^[_A-Za-z0-9][-._A-Za-z0-9]*$',
    maxLength: 128,
    expected: 'the name of a file: letters, digits, "-", "_" and ".", which is not first',
  },
  labelKey: {
    pattern: `^(${SUBDOMAIN}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`,
    maxLength: 317,
    expected: 'the key of a label, such as app or example.com/app',
  },
  labelValue: {
    pattern: '^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$',
    maxLength: 63,
    expected: 'the value of a label: letters, digits, "-", "_" and ".", at most 63',
  },
  /** RFC 9110 §5.1 token. */
  headerName: {
    pattern: "^[-!#$%&'*+.^_`|~0-9A-Za-z]+$",
    maxLength: 128,
    expected: 'the name of a header: letters, digits and "-", no colon or space (RFC 9110 token)',
  },
  /** RFC 9110 §5.5, less obs-text: what lies beyond ASCII is read differently by different servers. */
  headerValue: {
    pattern: '^([!-~]([\\t -~]*[!-~])?)?$',
    maxLength: 8192,
    expected: 'printable ASCII without line breaks, control characters or white space at its ends',
  },
  /** As {@link FORMATS.headerValue}, but may end in a space: `Bearer `. */
  headerPrefix: {
    pattern: '^([!-~][\\t -~]*)?$',
    maxLength: 256,
    expected: 'printable ASCII without line breaks or control characters',
  },
  path: {
    pattern: '^/[!"$->@-~]*$',
    maxLength: 1024,
    expected: 'a path that begins with "/", in printable ASCII (others as %XX), without "?" and "#"',
  },
  /** The bytes of it travel in one length byte, base64-encoded, in SAP's SOCKS5 authentication. */
  locationId: {
    pattern: '^[!-~]+$',
    maxLength: 128,
    expected: 'a location id in printable ASCII without spaces, at most 128 characters',
  },
  /** Of a destination, a fragment or a chain in SAP's Destination service. */
  entryName: {
    pattern: '^[-_.~A-Za-z0-9]+$',
    maxLength: 200,
    expected: 'a name of SAP\'s Destination service: letters, digits, "-", "_", "." and "~", at most 200',
  },
  entryProperty: {
    pattern: '^[-_.$A-Za-z0-9]+$',
    maxLength: 256,
    expected: 'a name of a property or label: letters, digits, "-", "_", "." and "$"',
  },
  entryPattern: {
    pattern: '^[-_.~*A-Za-z0-9]+$',
    maxLength: 200,
    expected: "a name of SAP's Destination service, in which * stands for any run of characters",
  },
  /** One label of a host name: it becomes one in the address of the token service. */
  tenantSubdomain: {
    pattern: `^${LABEL}$`,
    maxLength: 63,
    expected: 'the subdomain of a tenant: lower-case letters, digits and "-", at most 63',
  },
  tenantId: {
    pattern: '^[-_.A-Za-z0-9]+$',
    maxLength: 200,
    expected: 'the id of a tenant: letters, digits, "-", "_" and ".", at most 200',
  },
  url: {
    pattern: '^https?://[!-~]+$',
    maxLength: 2048,
    expected: 'a URL that begins with https://',
  },
  /** RFC 6749 §3.3. */
  scope: {
    pattern: '^[!#-\\[\\]-~]+( [!#-\\[\\]-~]+)*$',
    maxLength: 1024,
    expected: 'scopes with one space between them, without quotes and backslashes (RFC 6749 §3.3)',
  },
  /** RFC 3339, as the API server writes it. */
  timestamp: {
    pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?(Z|[-+][0-9]{2}:[0-9]{2})$',
    maxLength: 64,
    expected: 'a moment such as 2026-01-31T12:00:00Z (RFC 3339)',
  },
} as const satisfies Record<string, Format>;
