// SPDX-License-Identifier: Apache-2.0
#ifndef LEAT_ORIGINAL_DESTINATION_H
#define LEAT_ORIGINAL_DESTINATION_H

#include <sys/socket.h>

#include "failure.h"

/* Where a TCP connection was going before this namespace's nat table changed it. */
struct failure read_original_destination(int fd, struct sockaddr_storage *destination);

/* The same for who knows the peer already. */
struct failure read_original_destination_from(int fd, const struct sockaddr_storage *peer, struct sockaddr_storage *destination);

#endif
