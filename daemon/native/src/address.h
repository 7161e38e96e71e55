// SPDX-License-Identifier: Apache-2.0
#ifndef LEAT_ADDRESS_H
#define LEAT_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* From text without zone, and a port in host order. False where the text is no address. */
bool parse_address(const char *text, uint16_t port, struct sockaddr_storage *address);

/* What the kernel wants to be told beside an address. */
socklen_t address_length(const struct sockaddr_storage *address);

/* In host order. */
uint16_t address_port(const struct sockaddr_storage *address);

#endif
