// SPDX-License-Identifier: Apache-2.0
import { getSystemErrorName } from 'node:util';
import { createNetlink, MessageType, type NetlinkMessage, type NetlinkSocket, parseError } from 'netlink';

/** NETLINK_NETFILTER, linux/netlink.h. */
const NETLINK_NETFILTER = 12;
/** NLM_F_DUMP, linux/netlink.h. */
const DUMP = 0x300;
/** Above what the kernel gives out as errno: private to a subsystem, without a name. */
const FIRST_PRIVATE_ERRNO = 4096;

/** The kernel refused a request. `errno` is positive; from 4096 on it is private to the subsystem and `code` its number. */
export class NetfilterError extends Error {
  override readonly name = 'NetfilterError';
  readonly errno: number;
  readonly code: string;

  constructor(errno: number) {
    const code = nameOf(errno);
    super(`netfilter refused the request: ${code}`);
    this.errno = errno;
    this.code = code;
  }
}

/** No answer came, or none that can be read. Whether the request took effect is unknown. */
class NetfilterSocketError extends Error {
  override readonly name = 'NetfilterSocketError';
}

export interface NetfilterSocket {
  /** Sends one request; resolves when the kernel acknowledged it. `type` holds subsystem and command. */
  change(type: number, payload: Buffer): Promise<void>;
  /** Asks for everything that matches; resolves with the payloads of all answers. */
  dump(type: number, payload: Buffer): Promise<Buffer[]>;
  /** Requests that were not answered yet reject. */
  close(): void;
}

/**
 * A request-and-answer socket to netfilter over the `netlink` package, with what the package leaves open: one request at a
 * time (it can't tell interleaved multipart answers apart), a deadline for each, answers taken from the kernel only, errno
 * kept as a number (also those above 4095 that ipset uses), and a new socket after any doubt (a lost, truncated or
 * unreadable datagram), where the package would wait or drop silently.
 */
export function openNetfilterSocket(options: { readonly timeoutMs?: number } = {}): NetfilterSocket {
  const timeoutMs = options.timeoutMs ?? 1_000;
  let socket: NetlinkSocket | null = null;
  let fail: (error: Error) => void = () => undefined;
  let tail: Promise<unknown> = Promise.resolve();
  let closed = false;

  function open(): NetlinkSocket {
    const fresh = createNetlink(NETLINK_NETFILTER);
    // Without a listener an ENOBUFS would end the process; the other two are dropped without a word.
    fresh.on('error', (error) => fail(new NetfilterSocketError(`netlink socket failed: ${error.message}`)));
    fresh.on('truncatedMessage', () => fail(new NetfilterSocketError('netlink answer was truncated')));
    fresh.on('invalid', () => fail(new NetfilterSocketError('netlink answer could not be read')));
    return fresh;
  }

  function discard(): void {
    socket?.close();
    socket = null;
  }

  async function ask(type: number, payload: Buffer, flags: number): Promise<NetlinkMessage[]> {
    if (closed) throw new NetfilterSocketError('netlink socket is closed');
    const { promise: failed, reject } = Promise.withResolvers<never>();
    fail = reject;
    try {
      socket ??= open();
      const answer = socket.request(type, payload, { flags, timeout: timeoutMs, checkError: false });
      const [messages, sender] = await Promise.race([answer, failed]);
      if (sender.port !== 0) throw new NetfilterSocketError('netlink answer did not come from the kernel');
      return messages;
    } catch (error) {
      discard();
      throw error instanceof NetfilterSocketError
        ? error
        : new NetfilterSocketError(
            `netlink request was not answered: ${error instanceof Error ? error.message : error}`,
          );
    } finally {
      fail = () => undefined;
    }
  }

  function enqueue(type: number, payload: Buffer, flags: number): Promise<NetlinkMessage[]> {
    const turn = tail.then(() => ask(type, payload, flags));
    tail = turn.catch(() => undefined);
    return turn.then(refuseErrors);
  }

  return {
    change: async (type, payload) => {
      await enqueue(type, payload, 0);
    },
    dump: async (type, payload) => (await enqueue(type, payload, DUMP)).map((message) => message.data),
    close: () => {
      closed = true;
      fail(new NetfilterSocketError('netlink socket was closed'));
      discard();
    },
  };
}

/** Leaves the answers that carry something: acknowledgements are errors with errno 0. */
function refuseErrors(messages: readonly NetlinkMessage[]): NetlinkMessage[] {
  return messages.filter((message) => {
    if (message.type !== MessageType.ERROR) return true;
    const errno = -parseError(message.data, message.flags).errno;
    if (errno !== 0) throw new NetfilterError(errno);
    return false;
  });
}

function nameOf(errno: number): string {
  return errno < FIRST_PRIVATE_ERRNO ? getSystemErrorName(-errno) : String(errno);
}
