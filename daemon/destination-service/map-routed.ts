// SPDX-License-Identifier: Apache-2.0
/** Entries whose bytes are moved as they are: TCP, LDAP and MAIL. The application signs in itself. */
import type { ServiceEntry } from '../destination/service-entry.ts';
import { LeatError } from '../errors/leat-error.ts';
import { normaliseName } from './normalise-name.ts';

type Configuration = Readonly<Record<string, string>>;
type Routed = Omit<ServiceEntry, 'proxyType' | 'locationId' | 'properties'>;

/** SAP Help, "Email Destinations": what each protocol is commonly served on. */
const MAIL_PORTS: Readonly<Record<string, number>> = {
  smtp: 587,
  smtps: 465,
  imap4: 143,
  imap4s: 993,
  pop3: 110,
  pop3s: 995,
};
/** The properties of a protocol are named without the version. */
const MAIL_PREFIX: Readonly<Record<string, readonly string[]>> = {
  imap4: ['imap4', 'imap'],
  imap4s: ['imap4s', 'imaps'],
};

/** @throws DESTINATION_ENTRY_INVALID */
export function mapRouted(type: 'TCP' | 'LDAP' | 'MAIL', configuration: Configuration): Routed {
  const { host, port } = { TCP: ofTcp, LDAP: ofLdap, MAIL: ofMail }[type](configuration);
  return {
    host,
    ports: [{ port, protocol: 'tcp', upstream: { host, port, pathPrefix: '', tls: null } }],
    trustsAll: false,
    authentication: { type: 'None' },
    headers: [],
    queries: [],
    connectTimeoutMs: null,
    responseTimeoutMs: null,
  };
}

interface Target {
  readonly host: string;
  readonly port: number;
}

function ofTcp({ Address: address = '' }: Configuration): Target {
  const text = address.replace(/^tcp:\/\//i, '');
  const url = /^[^/@?#]+:\d+$/.test(text) ? URL.parse(`tcp://${text}`) : null;
  if (url === null) throw invalid('Address must be host:port, or tcp://host:port');
  return { host: normaliseName(url.hostname, 'Address'), port: portOf(url.port, 'Address') };
}

function ofLdap(configuration: Configuration): Target {
  const url = URL.parse(configuration['ldap.url'] ?? '');
  if (url?.protocol !== 'ldap:') throw invalid('ldap.url must be ldap://host:port');
  return { host: normaliseName(url.hostname, 'ldap.url'), port: portOf(url.port || '389', 'ldap.url') };
}

function ofMail(configuration: Configuration): Target {
  const protocol = (configuration['mail.transport.protocol'] ?? 'smtp').toLowerCase();
  const usual = Object.hasOwn(MAIL_PORTS, protocol) ? MAIL_PORTS[protocol] : undefined;
  if (usual === undefined) throw invalid('mail.transport.protocol is none of smtp, smtps, imap4, imap4s, pop3, pop3s');
  const prefixes = MAIL_PREFIX[protocol] ?? [protocol];
  const property = (name: string): string | undefined =>
    prefixes.map((prefix) => configuration[`mail.${prefix}.${name}`]).find((value) => value !== undefined);
  const host = property('host');
  if (host === undefined) throw invalid(`mail.${protocol}.host is missing`);
  return {
    host: normaliseName(host, `mail.${protocol}.host`),
    port: portOf(property('port') ?? String(usual), `mail.${protocol}.port`),
  };
}

function portOf(text: string, what: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65535) return port;
  throw invalid(`${what} has no port from 1 to 65535`);
}

function invalid(why: string): LeatError {
  return new LeatError('DESTINATION_ENTRY_INVALID', why);
}
