// SPDX-License-Identifier: Apache-2.0
#ifndef LEAT_NAMESPACE_H
#define LEAT_NAMESPACE_H

#include <sys/socket.h>

#include "failure.h"

/* A new network namespace that lives as long as its descriptor (and the sockets made in it) does. */
struct failure create_namespace(int *namespace_fd);

/* A nonblocking socket that belongs to the namespace, made on a thread that ends: no thread of the caller ever moves. */
struct failure open_socket_in_namespace(int namespace_fd, int family, int type, int *socket_fd);

/* Begins to connect; a nonblocking socket that is under way counts as done. */
struct failure begin_connect(int socket_fd, const struct sockaddr_storage *address);

#endif
