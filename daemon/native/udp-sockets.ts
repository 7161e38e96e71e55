// SPDX-License-Identifier: Apache-2.0
/**
 * UDP sockets whose packets come in batches: what Node's do as well, at a third of the price. src/udp-sockets.h has the
 * contract, of which this is the other end; everything runs on Node's own loop.
 */
import { getSystemErrorName } from 'node:util';
import { bytesToAddress } from '../net/address-bytes.ts';
import type { Endpoint } from '../net/endpoint.ts';
import { atAddress } from './at-address.ts';
import { loadBinding } from './load.ts';

declare const handle: unique symbol;
type Handle = { readonly [handle]: true };

interface Binding {
  openUdp(onReadable: () => void): Handle;
  listenUdp(sockets: Handle, address: string, port: number, receiveBufferBytes: number, bound: Uint32Array): number;
  askUdp(sockets: Handle, address: string, port: number, bytes: Buffer): number;
  replyUdp(listener: number, address: string, port: number, scope: number, bytes: Buffer): void;
  receiveUdp(sockets: Handle, inbox: Buffer, packets: Int32Array): number;
  endUdp(socket: number): void;
  closeUdp(sockets: Handle): void;
}

const binding = loadBinding<Binding>();

/** Who sent a packet; `scope` is the interface that a link-local address belongs to, else 0. @see ipv6(7) */
export interface Sender extends Endpoint {
  readonly scope: number;
}

/** Takes what came to a socket: a packet, which is the receiver's to keep, or the name of an errno. */
export interface Receiver {
  packet(bytes: Buffer, from: Sender): void;
  failed(errno: string): void;
}

export interface Listener {
  readonly socket: number;
  /** What is bound, with the port that the kernel chose where 0 was asked for. */
  readonly local: Endpoint;
}

/** The largest packet, and hundreds of the usual size. */
const INBOX_BYTES = 128 * 1024;
const MOST_PACKETS = 128;
/** `struct udp_packet`, in numbers of 32 bits. */
const PACKET = { numbers: 8, socket: 0, length: 1, portAndFamily: 2, scope: 3, address: 4 } as const;
const NUMBER_BYTES = 4;

/** Sockets of one owner. They do not keep the process. */
export class UdpSockets {
  readonly #sockets: Handle;
  readonly #receivers = new Map<number, Receiver>();
  readonly #inbox = Buffer.alloc(INBOX_BYTES);
  readonly #packets = new Int32Array(MOST_PACKETS * PACKET.numbers);
  readonly #packetBytes = Buffer.from(this.#packets.buffer);
  readonly #bound = new Uint32Array(1);

  /** @throws NativeError: no descriptors or memory */
  constructor() {
    this.#sockets = binding.openUdp(() => this.#receive());
  }

  /**
   * Binds an address, IPv6 without IPv4. Never with SO_REUSEADDR, which would let a second process take the packets.
   * @throws NativeError as socket(2), setsockopt(2) and bind(2) say
   */
  listen(at: Endpoint, receiveBufferBytes: number, receiver: Receiver): Listener {
    const socket = atAddress(at, () =>
      binding.listenUdp(this.#sockets, at.address, at.port, receiveBufferBytes, this.#bound),
    );
    this.#receivers.set(socket, receiver);
    return { socket, local: { address: at.address, port: this.#bound[0] as number } };
  }

  /**
   * Sends the bytes from a socket of their own, connected to the server. What comes from there is told until it is ended.
   * @throws NativeError as socket(2), connect(2) and send(2) say; nothing is left open then
   */
  ask(server: Endpoint, bytes: Buffer, receiver: Receiver): number {
    const socket = binding.askUdp(this.#sockets, server.address, server.port, bytes);
    this.#receivers.set(socket, receiver);
    return socket;
  }

  /** Sends from a listener's address and port. @throws NativeError EAGAIN: too much waits to be sent; others as sendto(2) says */
  reply(listener: number, to: Sender, bytes: Buffer): void {
    binding.replyUdp(listener, to.address, to.port, to.scope, bytes);
  }

  /** Nothing is told of the socket any more; the next one may have its number. Once. */
  end(socket: number): void {
    this.#receivers.delete(socket);
    binding.endUdp(socket);
  }

  /** Ends all sockets. Nothing may be called after it. */
  close(): void {
    for (const socket of [...this.#receivers.keys()]) this.end(socket);
    binding.closeUdp(this.#sockets);
  }

  /** What has found no room is there at the loop's next turn. */
  #receive(): void {
    const count = binding.receiveUdp(this.#sockets, this.#inbox, this.#packets);
    let at = 0;
    for (let row = 0; row < count * PACKET.numbers; row += PACKET.numbers) {
      const length = this.#packets[row + PACKET.length] as number;
      const receiver = this.#receivers.get(this.#packets[row + PACKET.socket] as number);
      if (length < 0) {
        receiver?.failed(getSystemErrorName(length));
        continue;
      }
      receiver?.packet(Buffer.from(this.#inbox.subarray(at, at + length)), this.#senderAt(row));
      at += length;
    }
  }

  #senderAt(row: number): Sender {
    const portAndFamily = this.#packets[row + PACKET.portAndFamily] as number;
    const start = (row + PACKET.address) * NUMBER_BYTES;
    const length = portAndFamily >>> 16 === 4 ? 4 : 16;
    return {
      address: bytesToAddress(this.#packetBytes.subarray(start, start + length)) as string,
      port: portAndFamily & 0xffff,
      scope: this.#packets[row + PACKET.scope] as number,
    };
  }
}
