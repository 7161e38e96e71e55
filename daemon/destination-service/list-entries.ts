// SPDX-License-Identifier: Apache-2.0
/** All entries of a level, page by page, with the certificates that they name (SAP Help, "Destination Service REST API"). */
import type { ServiceImport } from '../destination/destination.ts';
import { parseCertificate, parseServiceList, type ServiceAnswer } from './parse-answer.ts';
import { createReadService, type ServiceAccess, unavailable } from './read-service.ts';

export interface ListedEntries {
  /** Without tokens: these are asked for entry by entry, when they are used. */
  readonly entries: readonly ServiceAnswer[];
  readonly isCut: boolean;
}

/** @throws DESTINATION_SERVICE_UNAVAILABLE, DESTINATION_ENTRY_INVALID; the signal's reason */
export type ListEntries = (asked: ServiceImport, signal: AbortSignal) => Promise<ListedEntries>;

/** SAP's own advice is to page lists of more. */
const PAGE_SIZE = 100;
/** What SAP keeps in a subaccount at most; nothing that answers more is believed. */
const MAX_ENTRIES = 1000;
/** Certificates that are asked for at a time. */
const AT_ONCE = 4;
const LISTS = {
  subaccount: ['subaccountDestinations', 'subaccountCertificates'],
  instance: ['instanceDestinations', 'instanceCertificates'],
} as const;

/** Lists a level page by page, with the certificates that its entries name. */
export function createListEntries(parts: ServiceAccess): ListEntries {
  const get = createReadService(parts);

  const listPage = async (asked: ServiceImport, page: number, signal: AbortSignal) => {
    const [list] = LISTS[asked.level];
    const { status, text, pages } = await get(
      asked.service,
      `${list}?$page=${page}&$pageSize=${PAGE_SIZE}&$pageCount=true`,
      signal,
    );
    if (status !== 200)
      throw unavailable(`answered ${status} for the entries of its ${asked.level}`, asked.service.name);
    return { entries: parseServiceList(text), pages };
  };

  /** Where an instance has no such certificate, its subaccount may. */
  const getCertificate = async (asked: ServiceImport, name: string, signal: AbortSignal) => {
    const levels = asked.level === 'instance' ? (['instance', 'subaccount'] as const) : (['subaccount'] as const);
    for (const level of levels) {
      const { status, text } = await get(asked.service, `${LISTS[level][1]}/${encodeURIComponent(name)}`, signal);
      if (status === 200) return [parseCertificate(text)];
      if (status !== 404) throw unavailable(`answered ${status} for a certificate`, asked.service.name);
    }
    return [];
  };

  return async (asked, signal) => {
    const found: ServiceAnswer['configuration'][] = [];
    let isLast = false;
    for (let page = 1; !isLast && found.length < MAX_ENTRIES; page += 1) {
      const { entries, pages } = await listPage(asked, page, signal);
      found.push(...entries);
      // A service that says nothing of pages is at its end with one that is not full, or holds more than was asked for.
      isLast = entries.length === 0 || (pages === null ? entries.length !== PAGE_SIZE : page >= pages);
    }
    const entries = found.slice(0, MAX_ENTRIES);
    const names = [...new Set(entries.flatMap(storesOf))];
    const certificates: ServiceAnswer['certificates'][number][] = [];
    for (let at = 0; at < names.length; at += AT_ONCE) {
      const some = names.slice(at, at + AT_ONCE).map((name) => getCertificate(asked, name, signal));
      certificates.push(...(await Promise.all(some)).flat());
    }
    return {
      entries: entries.map((configuration) => ({ configuration, tokens: [], certificates })),
      isCut: !isLast || found.length > MAX_ENTRIES,
    };
  };
}

function storesOf(configuration: ServiceAnswer['configuration']): string[] {
  return ['KeyStoreLocation', 'TrustStoreLocation'].flatMap((property) => configuration[property] || []);
}
