// SPDX-License-Identifier: Apache-2.0
import { type ApiClient, readBounded } from './api-client.ts';

const PAGE_OBJECTS = 500;
/** A page that is larger is asked for again with fewer objects: a Secret may have a megabyte. */
const MAX_PAGE_BYTES = 32 * 1024 * 1024;
/** A page that takes longer is given up. */
const PAGE_TIMEOUT_MS = 60_000;

export interface ObjectQuery {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Media type of the answer; default whole objects as JSON. */
  readonly accept?: string | undefined;
}

export interface ListQuery extends ObjectQuery {
  /** `0` for what the server has in its memory; empty for what etcd holds now. */
  readonly resourceVersion: '' | '0';
}

/**
 * Hands every object over, page by page.
 *
 * @returns the resource version to watch from
 * @throws ApiError; 410 where the pages ceased to be kept while they were read
 */
export async function listObjects(
  client: ApiClient,
  { path, query, accept, resourceVersion }: ListQuery,
  take: (object: unknown) => void,
  signal: AbortSignal,
): Promise<string> {
  let next = '';
  let limit = PAGE_OBJECTS;
  for (;;) {
    const paging: Record<string, string> = { limit: String(limit) };
    if (next !== '') paging.continue = next;
    else if (resourceVersion !== '') paging.resourceVersion = resourceVersion;
    const timeout = AbortSignal.any([signal, AbortSignal.timeout(PAGE_TIMEOUT_MS)]);
    const body = await client.get(path, { ...query, ...paging }, timeout, accept);
    let text: string;
    try {
      text = await readBounded(body, MAX_PAGE_BYTES);
    } catch (error) {
      if (!(error instanceof RangeError) || limit === 1) throw error;
      limit = Math.ceil(limit / 8);
      continue;
    }
    const page = readPage(JSON.parse(text));
    for (const item of page.items) take(item);
    if (page.next === '') return page.resourceVersion;
    next = page.next;
  }
}

function readPage(value: unknown): { items: readonly unknown[]; resourceVersion: string; next: string } {
  // where a Table was asked for, its rows
  const {
    rows,
    items = rows,
    metadata,
  } = (value ?? {}) as {
    rows?: unknown;
    items?: unknown;
    metadata?: Record<string, unknown> | null;
  };
  const { resourceVersion, continue: next = '' } = metadata ?? {};
  // an empty list of Go is null
  if (!(Array.isArray(items) || items === null || items === undefined) || typeof resourceVersion !== 'string') {
    throw new TypeError('the answer is no list of objects');
  }
  return { items: items ?? [], resourceVersion, next: typeof next === 'string' ? next : '' };
}
