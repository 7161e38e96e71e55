// SPDX-License-Identifier: Apache-2.0
#include "original-destination.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

/* linux/netfilter_ipv4.h and linux/netfilter_ipv6/ip6_tables.h; those headers clash with netinet/in.h. */
enum { ORIGINAL_DESTINATION_4 = 80, ORIGINAL_DESTINATION_6 = 80 };

struct failure read_original_destination(int fd, struct sockaddr_storage *destination) {
  struct sockaddr_storage peer;
  socklen_t length = sizeof(peer);
  if (getpeername(fd, (struct sockaddr *)&peer, &length) != 0) return failed(errno, "getpeername");
  return read_original_destination_from(fd, &peer, destination);
}

struct failure read_original_destination_from(int fd, const struct sockaddr_storage *peer, struct sockaddr_storage *destination) {
  /* The peer says which table changed the packet; a v4-mapped peer of an IPv6 socket came through the IPv4 one. */
  int level;
  if (peer->ss_family == AF_INET) {
    level = SOL_IP;
  } else if (peer->ss_family == AF_INET6) {
    level = IN6_IS_ADDR_V4MAPPED(&((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr) ? SOL_IP : SOL_IPV6;
  } else {
    return failed(EAFNOSUPPORT, "getpeername");
  }

  memset(destination, 0, sizeof(*destination));
  socklen_t length = level == SOL_IP ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
  const int option = level == SOL_IP ? ORIGINAL_DESTINATION_4 : ORIGINAL_DESTINATION_6;
  if (getsockopt(fd, level, option, destination, &length) != 0) return failed(errno, "getsockopt");
  if (destination->ss_family != (level == SOL_IP ? AF_INET : AF_INET6)) return failed(EPROTO, "getsockopt");
  return done();
}
