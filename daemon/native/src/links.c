// SPDX-License-Identifier: Apache-2.0
#include "links.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { TIMEOUT_US = 200000, REQUEST_BYTES = 128, ANSWER_BYTES = 32768, MAX_LINK_ADDRESS = 32 };

/* A request of one header and a few attributes, which REQUEST_BYTES holds with room to spare. */
struct request {
  _Alignas(struct nlmsghdr) uint8_t bytes[REQUEST_BYTES];
};

static void *begin_request(struct request *request, uint16_t type, uint16_t flags, size_t header_bytes) {
  memset(request, 0, sizeof(*request));
  struct nlmsghdr *message = (struct nlmsghdr *)request->bytes;
  message->nlmsg_type = type;
  message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
  message->nlmsg_len = (uint32_t)NLMSG_LENGTH(header_bytes);
  return NLMSG_DATA(message);
}

static void put(struct request *request, uint16_t type, const void *value, size_t length) {
  struct nlmsghdr *message = (struct nlmsghdr *)request->bytes;
  struct rtattr *attribute = (struct rtattr *)(request->bytes + NLMSG_ALIGN(message->nlmsg_len));
  attribute->rta_type = type;
  attribute->rta_len = (uint16_t)RTA_LENGTH(length);
  memcpy(RTA_DATA(attribute), value, length);
  message->nlmsg_len = NLMSG_ALIGN(message->nlmsg_len) + (uint32_t)RTA_SPACE(length);
}

/* An attribute of at least `least` bytes behind a message's header; null where there is none. */
static const struct rtattr *find(const struct nlmsghdr *message, size_t header_bytes, uint16_t type, size_t least) {
  if (message->nlmsg_len < NLMSG_LENGTH(header_bytes)) return NULL;
  const struct rtattr *attribute =
      (const struct rtattr *)((const uint8_t *)NLMSG_DATA(message) + NLMSG_ALIGN(header_bytes));
  size_t left = message->nlmsg_len - NLMSG_SPACE(header_bytes);
  if (message->nlmsg_len < NLMSG_SPACE(header_bytes)) return NULL;
  for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left))
    if ((attribute->rta_type & NLA_TYPE_MASK) == type && RTA_PAYLOAD(attribute) >= least) return attribute;
  return NULL;
}

static bool is_bridge(const struct nlmsghdr *message) {
  const struct rtattr *nest = find(message, sizeof(struct ifinfomsg), IFLA_LINKINFO, 0);
  if (nest == NULL) return false;
  size_t left = RTA_PAYLOAD(nest);
  for (const struct rtattr *kind = RTA_DATA(nest); RTA_OK(kind, left); kind = RTA_NEXT(kind, left))
    if (kind->rta_type == IFLA_INFO_KIND)
      return RTA_PAYLOAD(kind) >= sizeof("bridge") - 1 && memcmp(RTA_DATA(kind), "bridge", sizeof("bridge") - 1) == 0;
  return false;
}

static struct link *link_of(const struct link_watch *watch, int index) {
  for (size_t at = 0; at < watch->count; at++)
    if (watch->links[at].index == index) return &watch->links[at];
  return NULL;
}

static struct failure add_link(struct link_watch *watch, struct link link) {
  if (watch->count == watch->capacity) {
    const size_t capacity = watch->capacity == 0 ? 64 : 2 * watch->capacity;
    struct link *links = realloc(watch->links, capacity * sizeof(*links));
    if (links == NULL) return failed(ENOMEM, "realloc");
    watch->links = links;
    watch->capacity = capacity;
  }
  watch->links[watch->count++] = link;
  return done();
}

/* The index that a message tells of; 0 where it tells of none: bridges tell of their ports by messages of the same types. */
static int index_of(const struct nlmsghdr *message) {
  if (message->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg))) return 0;
  const struct ifinfomsg *header = NLMSG_DATA(message);
  return header->ifi_family == AF_UNSPEC ? header->ifi_index : 0;
}

static struct failure take_event(struct link_watch *watch, const struct nlmsghdr *message) {
  const int index = index_of(message);
  struct link *known = index == 0 ? NULL : link_of(watch, index);
  if (message->nlmsg_type == RTM_DELLINK && known != NULL) {
    *known = watch->links[--watch->count];
    watch->changes++;
  } else if (message->nlmsg_type == RTM_NEWLINK && index != 0 && known == NULL) {
    watch->changes++;
    return add_link(watch, (struct link){index, ++watch->arrivals, is_bridge(message)});
  }
  return done();
}

static struct failure open_socket(uint32_t groups, int *fd) {
  *fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (*fd < 0) return failed(errno, "socket");
  const struct timeval timeout = {.tv_sec = 0, .tv_usec = TIMEOUT_US};
  const struct sockaddr_nl own = {.nl_family = AF_NETLINK, .nl_groups = groups};
  if (setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) != 0) return failed(errno, "setsockopt");
  return bind(*fd, (const struct sockaddr *)&own, sizeof(own)) != 0 ? failed(errno, "bind") : done();
}

static struct failure send_request(struct link_watch *watch, struct request *request) {
  struct nlmsghdr *message = (struct nlmsghdr *)request->bytes;
  message->nlmsg_seq = ++watch->sequence;
  const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  return sendto(watch->requests, message, message->nlmsg_len, 0, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0
             ? failed(errno, "sendto")
             : done();
}

struct answer {
  _Alignas(struct nlmsghdr) uint8_t bytes[ANSWER_BYTES];
  size_t length;
};

static struct failure receive(int fd, int flags, struct answer *answer) {
  for (;;) {
    struct sockaddr_nl sender;
    struct iovec part = {answer->bytes, sizeof(answer->bytes)};
    struct msghdr received = {.msg_name = &sender, .msg_namelen = sizeof(sender), .msg_iov = &part, .msg_iovlen = 1};
    const ssize_t length = recvmsg(fd, &received, flags);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return failed(errno, "recvmsg");
    if (sender.nl_pid != 0) continue; /* only the kernel may answer */
    if (received.msg_flags & MSG_TRUNC) return failed(EMSGSIZE, "recvmsg");
    answer->length = (size_t)length;
    return done();
  }
}

static struct failure error_of(const struct nlmsghdr *message) {
  int error = 0;
  if (message->nlmsg_len >= NLMSG_LENGTH(sizeof(error))) memcpy(&error, NLMSG_DATA(message), sizeof(error));
  return failed(error == 0 ? EPROTO : -error, "rtnetlink");
}

/* Asks a question that one message answers. It stays in `answer`, which it points into. */
static struct failure ask(struct link_watch *watch, struct request *request, struct answer *answer,
                          const struct nlmsghdr **reply) {
  struct failure failure = send_request(watch, request);
  while (failure.error == 0) {
    failure = receive(watch->requests, 0, answer);
    const struct nlmsghdr *message = (const struct nlmsghdr *)answer->bytes;
    if (failure.error != 0 || !NLMSG_OK(message, answer->length)) break;
    if (message->nlmsg_seq != watch->sequence) continue; /* a late answer to an earlier question */
    if (message->nlmsg_type == NLMSG_ERROR) return error_of(message);
    *reply = message;
    return done();
  }
  return failure.error != 0 ? failure : failed(EPROTO, "recvmsg");
}

/* All links there are, in place of those before, of which the ones that are still there keep their arrival. */
static struct failure list_links(struct link_watch *watch, bool is_first) {
  struct link_watch before = *watch;
  watch->links = NULL;
  watch->count = watch->capacity = 0;
  struct request request;
  struct ifinfomsg *header = begin_request(&request, RTM_GETLINK, NLM_F_DUMP, sizeof(*header));
  header->ifi_family = AF_UNSPEC;
  struct failure failure = send_request(watch, &request);
  struct answer answer;
  bool is_done = false;
  while (failure.error == 0 && !is_done) {
    failure = receive(watch->requests, 0, &answer);
    size_t left = failure.error == 0 ? answer.length : 0;
    for (const struct nlmsghdr *message = (const struct nlmsghdr *)answer.bytes; NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_seq != watch->sequence) continue;
      is_done = message->nlmsg_type == NLMSG_DONE;
      if (message->nlmsg_type == NLMSG_ERROR) failure = error_of(message);
      if (is_done || failure.error != 0) break;
      const int index = index_of(message);
      if (index == 0) continue;
      const struct link *known = link_of(&before, index);
      const uint32_t arrival = is_first ? 0 : known != NULL ? known->arrival : ++watch->arrivals;
      failure = add_link(watch, (struct link){index, arrival, is_bridge(message)});
    }
  }
  free(before.links);
  watch->changes++;
  return failure;
}

/* Events are asked for before the list: what comes between the two is in both. */
static struct failure open_watch(struct link_watch *watch) {
  struct failure failure = open_socket(RTMGRP_LINK, &watch->events);
  if (failure.error == 0) failure = open_socket(0, &watch->requests);
  if (failure.error == 0) failure = list_links(watch, watch->changes == 0);
  if (failure.error != 0) close_link_watch(watch);
  return failure;
}

struct failure follow_links(struct link_watch *watch) {
  if (watch->events < 0) return open_watch(watch);
  struct answer answer;
  bool is_lossy = false;
  for (;;) {
    struct failure failure = receive(watch->events, MSG_DONTWAIT, &answer);
    if (failure.error == ENOBUFS) {
      is_lossy = true; /* some were lost, and what is left in the queue is older than the list that is asked for below */
      continue;
    }
    if (failure.error == EAGAIN) break;
    if (failure.error != 0) return failure;
    size_t left = is_lossy ? 0 : answer.length;
    for (const struct nlmsghdr *message = (const struct nlmsghdr *)answer.bytes; NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left)) {
      failure = take_event(watch, message);
      if (failure.error != 0) return failure;
    }
  }
  if (!is_lossy) return done();
  const struct failure failure = list_links(watch, false);
  /* A list that failed is no list: the next look takes every link for new, so that none passes for an old one. */
  if (failure.error != 0) close_link_watch(watch);
  return failure;
}

static size_t read_address(const struct sockaddr_storage *address, const void **bytes) {
  if (address->ss_family == AF_INET) {
    *bytes = &((const struct sockaddr_in *)address)->sin_addr;
    return 4;
  }
  *bytes = &((const struct sockaddr_in6 *)address)->sin6_addr;
  return 16;
}

static struct failure find_route(struct link_watch *watch, const struct sockaddr_storage *address, int *index) {
  const void *bytes;
  const size_t length = read_address(address, &bytes);
  struct request request;
  struct answer answer;
  const struct nlmsghdr *reply;
  struct rtmsg *header = begin_request(&request, RTM_GETROUTE, 0, sizeof(*header));
  header->rtm_family = (uint8_t)address->ss_family;
  header->rtm_dst_len = (uint8_t)(8 * length);
  put(&request, RTA_DST, bytes, length);
  const struct failure failure = ask(watch, &request, &answer, &reply);
  if (failure.error != 0) return failure;
  const struct rtattr *out = find(reply, sizeof(struct rtmsg), RTA_OIF, sizeof(*index));
  if (out == NULL) return failed(ENOENT, "rtnetlink");
  memcpy(index, RTA_DATA(out), sizeof(*index));
  return done();
}

/* From the address to the port of the bridge, by way of the link address that the bridge's neighbour has. */
static struct failure find_port(struct link_watch *watch, const struct sockaddr_storage *address, int *index) {
  const void *bytes;
  const size_t length = read_address(address, &bytes);
  struct request request;
  struct answer answer;
  const struct nlmsghdr *reply;
  const uint32_t bridge = (uint32_t)*index;
  struct ndmsg *neighbour = begin_request(&request, RTM_GETNEIGH, 0, sizeof(*neighbour));
  neighbour->ndm_family = (uint8_t)address->ss_family;
  neighbour->ndm_ifindex = *index;
  put(&request, NDA_DST, bytes, length);
  struct failure failure = ask(watch, &request, &answer, &reply);
  if (failure.error != 0) return failure;
  const struct rtattr *link_address = find(reply, sizeof(struct ndmsg), NDA_LLADDR, 6);
  if (link_address == NULL || RTA_PAYLOAD(link_address) > MAX_LINK_ADDRESS) return failed(ENOENT, "rtnetlink");
  struct ndmsg *entry = begin_request(&request, RTM_GETNEIGH, 0, sizeof(*entry));
  entry->ndm_family = AF_BRIDGE;
  put(&request, NDA_LLADDR, RTA_DATA(link_address), RTA_PAYLOAD(link_address));
  put(&request, NDA_MASTER, &bridge, sizeof(bridge));
  failure = ask(watch, &request, &answer, &reply);
  if (failure.error != 0) return failure;
  if (reply->nlmsg_len < NLMSG_LENGTH(sizeof(struct ndmsg))) return failed(EPROTO, "rtnetlink");
  *index = ((const struct ndmsg *)NLMSG_DATA(reply))->ndm_ifindex;
  return done();
}

struct failure find_link(struct link_watch *watch, const struct sockaddr_storage *address, uint32_t *arrival) {
  struct failure failure = follow_links(watch);
  int index;
  if (failure.error == 0) failure = find_route(watch, address, &index);
  const struct link *link = failure.error == 0 ? link_of(watch, index) : NULL;
  if (link != NULL && link->is_bridge) {
    failure = find_port(watch, address, &index);
    link = failure.error == 0 ? link_of(watch, index) : NULL;
  }
  if (failure.error != 0) return failure;
  /* One that came after the last look is the youngest there is. */
  *arrival = link != NULL ? link->arrival : watch->arrivals + 1;
  return done();
}

void close_link_watch(struct link_watch *watch) {
  if (watch->events >= 0) close(watch->events);
  if (watch->requests >= 0) close(watch->requests);
  free(watch->links);
  watch->links = NULL;
  watch->count = watch->capacity = 0;
  watch->events = watch->requests = -1;
}
