// SPDX-License-Identifier: Apache-2.0
#ifndef LEAT_ORIGINAL_SERVER_H
#define LEAT_ORIGINAL_SERVER_H

#include <stdint.h>
#include <sys/socket.h>

#include "failure.h"

/* A netlink socket to conntrack, opened at the first question and kept. fd is -1 where there is none. */
struct conntrack_client {
  int fd;
  uint32_t sequence;
};

/*
 * Asks conntrack, by the tuple of the replies (local -> peer, default zone), for the destination that the first packet of
 * the flow had. Blocks no longer than 200 ms; the kernel answers within sendto, so that in practice it does not block.
 */
struct failure read_original_server(struct conntrack_client *client, uint8_t protocol,
                                    const struct sockaddr_storage *local, const struct sockaddr_storage *peer,
                                    struct sockaddr_storage *server);

void close_conntrack_client(struct conntrack_client *client);

#endif
