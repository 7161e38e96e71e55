// SPDX-License-Identifier: Apache-2.0
#ifndef LEAT_LINKS_H
#define LEAT_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "failure.h"

/* A link of this namespace, and the how manieth it was to arrive; 0 for those that were there before. */
struct link {
  int index;
  uint32_t arrival;
  bool is_bridge;
};

/* Links as they come and go. Both descriptors are -1 until it is first asked. */
struct link_watch {
  int events;
  int requests;
  uint32_t sequence;
  uint32_t arrivals;
  uint32_t changes;
  struct link *links;
  size_t count;
  size_t capacity;
};

/* Takes note of what came and went until now, without waiting for anything. */
struct failure follow_links(struct link_watch *watch);

/*
 * The arrival of the link by which packets to an address leave now: the interface of its route, and behind a bridge the
 * port of its forwarding entry. ENOENT where the bridge knows no neighbour of that address.
 */
struct failure find_link(struct link_watch *watch, const struct sockaddr_storage *address, uint32_t *arrival);

void close_link_watch(struct link_watch *watch);

#endif
