// SPDX-License-Identifier: Apache-2.0
/*
 * UDP sockets whose packets come in batches, on the thread of their caller. A listener takes questions from whoever asks; a
 * question of one's own leaves from a socket of its own, so that nobody can guess the port its answer has to come to. Both are
 * known by their descriptors, which are the caller's to close. No JavaScript types here; daemon/native/udp-sockets.ts has the other end.
 */
#ifndef LEAT_UDP_SOCKETS_H
#define LEAT_UDP_SOCKETS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "failure.h"

/* With less room in the inbox nothing is read. */
enum { MOST_PACKET_BYTES = 65536 };

/* Eight numbers of 32 bits, read by TypeScript as such. */
struct udp_packet {
  int32_t socket;
  int32_t length; /* or a negative errno: of a question whose server can't be reached, or of a listener */
  uint16_t port;  /* the sender's, in host order, and its address: 4 or 16 bytes, zero elsewhere */
  uint16_t family;
  uint32_t scope; /* of a link-local address, see ipv6(7) */
  uint8_t address[16];
};

/* `set` is an epoll(7) descriptor, which has the sockets until they are closed. IPv6 listeners take IPv6 only. */
struct failure udp_listen(int set, const struct sockaddr_storage *at, int receive_buffer_bytes, int *listener, uint16_t *port);

/*
 * Sends the bytes from a new socket that is connected to the server: the kernel draws its port (RFC 5452 section 9.2), and lets only
 * that server's packets and errors in.
 */
struct failure udp_ask(int set, const struct sockaddr_storage *server, const uint8_t *bytes, size_t length, int *question);

/* From the listener's own address and port. EAGAIN: what was sent before still waits. */
struct failure udp_reply(int listener, const struct sockaddr_storage *to, const uint8_t *bytes, size_t length);

/* Packets of sockets of the set, one behind the other in the inbox; what finds no room is there at the next call. */
size_t udp_receive(int set, uint8_t *inbox, size_t inbox_bytes, struct udp_packet *packets, size_t most);

#endif
