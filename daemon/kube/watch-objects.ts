// SPDX-License-Identifier: Apache-2.0
import type { ApiClient } from './api-client.ts';
import { errorFromStatus } from './api-error.ts';
import type { ObjectQuery } from './list-objects.ts';
import { LineReader } from './read-lines.ts';

/** etcd takes no object above 1.5 MiB; JSON of it, escaped, may have a multiple. */
const MAX_EVENT_BYTES = 8 * 1024 * 1024;

export interface WatchTimes {
  /** The server ends the watch after so long; drawn between the two, so that not all end together. Milliseconds. */
  readonly minMs: number;
  readonly maxMs: number;
  /** What a server that keeps its word is late at most. */
  readonly graceMs: number;
  /** Bookmarks come every minute; once there was one, silence for so long means that nobody is there. */
  readonly silenceMs: number;
}

export const WATCH_TIMES: WatchTimes = { minMs: 240_000, maxMs: 300_000, graceMs: 15_000, silenceMs: 150_000 };

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: unknown;
}

export interface WatchHandlers {
  /** The server answered, and events will follow. */
  readonly onOpen: () => void;
  readonly onEvent: (event: WatchEvent) => void;
  /** Everything up to this version has been delivered. */
  readonly onVersion: (resourceVersion: string) => void;
}

/**
 * Watches from a version until the server ends it, which is no error.
 *
 * @throws ApiError, also for an ERROR event; a plain Error where nothing was heard for too long, or what was heard is no event
 */
export async function watchObjects(
  client: ApiClient,
  { path, query, accept, resourceVersion }: ObjectQuery & { readonly resourceVersion: string },
  handlers: WatchHandlers,
  signal: AbortSignal,
  times: WatchTimes = WATCH_TIMES,
): Promise<void> {
  const lifetimeMs = times.minMs + Math.random() * (times.maxMs - times.minMs);
  const limit = new AbortController();
  const cut = (why: string): void => limit.abort(new Error(why));
  const life = setTimeout(
    () => cut('the watch did not end when it had to: the connection is taken for dead'),
    lifetimeMs + times.graceMs,
  );
  let silence: NodeJS.Timeout | undefined;
  try {
    const asked = {
      ...query,
      watch: '1',
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(Math.max(1, Math.round(lifetimeMs / 1000))),
      resourceVersion,
    };
    const body = await client.get(path, asked, AbortSignal.any([signal, limit.signal]), accept);
    handlers.onOpen();
    const lines = new LineReader(MAX_EVENT_BYTES);
    for await (const chunk of body as AsyncIterable<Buffer>) {
      for (const line of lines.push(chunk)) {
        const isBookmark = takeLine(line, handlers);
        silence?.refresh();
        if (isBookmark) {
          silence ??= setTimeout(
            () =>
              cut(
                `nothing was heard for ${times.silenceMs} ms though bookmarks are due: the connection is taken for dead`,
              ),
            times.silenceMs,
          );
        }
      }
    }
  } catch (error) {
    signal.throwIfAborted();
    throw limit.signal.aborted ? limit.signal.reason : error;
  } finally {
    clearTimeout(life);
    clearTimeout(silence);
  }
}

/** @returns whether it was a bookmark */
function takeLine(line: string, { onEvent, onVersion }: WatchHandlers): boolean {
  const { type, object } = JSON.parse(line) as { type?: unknown; object?: unknown };
  if (type === 'ERROR') throw errorFromStatus(500, object);
  const version = versionOf(object);
  if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') onEvent({ type, object });
  else if (type !== 'BOOKMARK') throw new TypeError('the watch delivered what is no event');
  onVersion(version);
  return type === 'BOOKMARK';
}

function versionOf(object: unknown): string {
  const { metadata } = (object ?? {}) as { metadata?: { resourceVersion?: unknown } | null };
  const version = metadata?.resourceVersion;
  if (typeof version !== 'string' || version === '')
    throw new TypeError('the watch delivered an object without version');
  return version;
}
