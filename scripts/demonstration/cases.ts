// SPDX-License-Identifier: Apache-2.0
import type { Namespace } from '../../test/support/namespace.ts';
import type { Finished } from '../../test/support/running.ts';
import type { AccessRecord } from './narration.ts';
import type { Networks } from './networks.ts';
import { DATABASE, type Servers } from './servers.ts';

export interface Step {
  readonly says: string;
  /** The pod it runs in, as a person names it. */
  readonly pod: string;
  readonly place: Namespace;
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** False where Leat must not even see the connection. */
  readonly captured: boolean;
  /** Null where it went as narrated, else what did not. */
  readonly check: (client: Finished, records: readonly AccessRecord[]) => string | null;
}

export interface Case {
  readonly title: string;
  readonly steps: readonly Step[];
}

const curl = (url: string) => ['curl', '--silent', '--show-error', '--max-time', '10', url];

function expect(conditions: Readonly<Record<string, boolean>>): string | null {
  const failed = Object.entries(conditions).filter(([, holds]) => !holds);
  return failed.length === 0 ? null : failed.map(([what]) => `not so: ${what}`).join('; ');
}

const codes = (records: readonly AccessRecord[]) =>
  records.flatMap(({ code }) => (typeof code === 'string' ? [code] : []));

/** The five cases, in order; each step is an unmodified client in a pod that knows nothing of Leat. */
export function listCases({ shop, crm }: Networks, { oauth, dante, connectivity }: Servers): Case[] {
  const storefront = { pod: 'shop/storefront', place: shop };
  const contacts = { pod: 'crm/contacts', place: crm };
  return [
    {
      title: 'An https API on the Internet that demands an OAuth token, by its http:// name',
      steps: [
        {
          ...storefront,
          says: "Leat fetched a token with the shop's client, and spoke https to the API.",
          argv: curl('http://api.partner.example/orders'),
          captured: true,
          check: ({ stdout }) =>
            expect({
              'the API answers the client "shop"': stdout.includes('"caller":"shop"'),
              'one token was issued to the shop': oauth.issued('shop') === 1,
            }),
        },
        {
          ...storefront,
          says: 'The second request reuses the token.',
          argv: curl('http://api.partner.example/orders'),
          captured: true,
          check: ({ stdout }) =>
            expect({
              'the API answers the client "shop"': stdout.includes('"caller":"shop"'),
              'no further token was issued': oauth.issued('shop') === 1,
            }),
        },
      ],
    },
    {
      title: 'A PostgreSQL on-premise by its real name, through a SOCKS5 server (dante) with user and password',
      steps: [
        {
          ...storefront,
          says: 'The name is known on-premise only; dante resolved it, and psql knows of neither.',
          argv: [
            'psql',
            '-X',
            `host=db.corp.internal dbname=${DATABASE.database} user=${DATABASE.user}`,
            '-c',
            'SELECT * FROM item',
          ],
          env: { PGPASSWORD: DATABASE.password },
          captured: true,
          check: ({ stdout }) =>
            expect({
              'psql shows the rows': /anvil\s+\|\s+99\.90/.test(stdout),
              'dante saw the user "leat"': /username%leat|leat@/.test(dante.output()),
            }),
        },
      ],
    },
    {
      title: "An HTTP system of a plant, through SAP's Connectivity Proxy (SOCKS5 method 0x80) with a location id",
      steps: [
        {
          ...storefront,
          says: 'The proxy verified a token and chose the plant by location id; the ERP system got a password.',
          argv: curl('http://erp.corp.internal:8080/stock'),
          captured: true,
          check: ({ stdout }) =>
            expect({
              'the ERP system answers its user "shop"': stdout.includes('"caller":"shop"'),
              'the proxy was asked for plant-1': connectivity
                .connects()
                .some(({ locationId, reply }) => locationId === 'plant-1' && reply === 0),
            }),
        },
      ],
    },
    {
      title: 'Refused by policy',
      steps: [
        {
          ...storefront,
          says: 'No Destination of the shop describes this target, and the NodePolicy closes the shop.',
          argv: curl('http://rival.example/prices'),
          captured: true,
          check: ({ code, stdout }, records) =>
            expect({
              'curl fails': code !== 0 && stdout === '',
              'the policy refused it': codes(records).includes('DEFAULT_DENIED'),
            }),
        },
        {
          ...contacts,
          says: 'The CRM is not closed: the same target, untouched by Leat, which never saw the connection.',
          argv: curl('http://rival.example/prices'),
          captured: false,
          check: ({ stdout }, records) =>
            expect({
              'the target answers': stdout === 'prices of a rival\n',
              'Leat saw nothing': records.length === 0,
            }),
        },
      ],
    },
    {
      title: "Another namespace: the same host name, another credential, and nothing of the shop's",
      steps: [
        {
          ...contacts,
          says: "The same URL as in the first case, with the CRM's own client.",
          argv: curl('http://api.partner.example/orders'),
          captured: true,
          check: ({ stdout }) =>
            expect({
              'the API answers the client "crm"': stdout.includes('"caller":"crm"'),
              "the shop's client got no further token": oauth.issued('shop') === 1 && oauth.issued('crm') === 1,
            }),
        },
        {
          ...contacts,
          says: "A Destination of the CRM names the shop's Secret: Secrets are looked up in its own namespace, and there is none.",
          argv: curl('http://orders.partner.example/orders'),
          captured: true,
          check: ({ stdout }, records) =>
            expect({
              'the API did not answer': !stdout.includes('"caller"'),
              'the Secret was not found': codes(records).includes('SECRET_NOT_FOUND'),
              "the shop's client got no further token": oauth.issued('shop') === 1,
            }),
        },
        {
          ...contacts,
          says: "A Destination of the CRM names the shop's Tunnel: the Tunnel does not admit the namespace.",
          argv: curl('http://erp.corp.internal:8080/stock'),
          captured: true,
          check: ({ stdout }, records) =>
            expect({
              'the ERP system did not answer': !stdout.includes('"caller"'),
              'the tunnel was refused': codes(records).some((code) => code.startsWith('TUNNEL_NOT_')),
              'the proxy was not asked again': connectivity.connects().length === 1,
            }),
        },
      ],
    },
  ];
}
