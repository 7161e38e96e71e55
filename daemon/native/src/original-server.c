// SPDX-License-Identifier: Apache-2.0
#include "original-server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { TIMEOUT_US = 200000, REQUEST_BYTES = 256, ANSWER_BYTES = 8192 };

/* One direction of a flow, in network byte order; addresses of IPv4 use the first four bytes. */
struct tuple {
  int family;
  uint8_t protocol;
  uint8_t source[16];
  uint8_t destination[16];
  uint16_t source_port;
  uint16_t destination_port;
};

static size_t address_bytes(int family) {
  return family == AF_INET ? 4 : 16;
}

static void read_endpoint(const struct sockaddr_storage *endpoint, uint8_t *address, uint16_t *port) {
  if (endpoint->ss_family == AF_INET) {
    const struct sockaddr_in *in = (const struct sockaddr_in *)endpoint;
    memcpy(address, &in->sin_addr, 4);
    *port = in->sin_port;
  } else {
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)endpoint;
    memcpy(address, &in6->sin6_addr, 16);
    *port = in6->sin6_port;
  }
}

/* The request has a fixed shape that REQUEST_BYTES holds with room to spare, so that nothing here can run over. */
static struct nlattr *begin_attribute(struct nlmsghdr *message, uint16_t type) {
  struct nlattr *attribute = (struct nlattr *)((uint8_t *)message + message->nlmsg_len);
  attribute->nla_type = type;
  attribute->nla_len = NLA_HDRLEN;
  message->nlmsg_len += NLA_HDRLEN;
  return attribute;
}

static void end_nested(struct nlmsghdr *message, struct nlattr *attribute) {
  attribute->nla_len = (uint16_t)((uint8_t *)message + message->nlmsg_len - (uint8_t *)attribute);
}

static void put(struct nlmsghdr *message, uint16_t type, const void *value, size_t length) {
  struct nlattr *attribute = begin_attribute(message, type);
  memcpy((uint8_t *)attribute + NLA_HDRLEN, value, length);
  attribute->nla_len = (uint16_t)(NLA_HDRLEN + length);
  message->nlmsg_len += (uint32_t)NLA_ALIGN(length);
}

static void write_request(struct nlmsghdr *message, const struct tuple *reply, uint32_t sequence) {
  message->nlmsg_len = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct nfgenmsg));
  message->nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET;
  message->nlmsg_flags = NLM_F_REQUEST;
  message->nlmsg_seq = sequence;
  struct nfgenmsg *header = NLMSG_DATA(message);
  header->nfgen_family = (uint8_t)reply->family;
  header->version = NFNETLINK_V0;

  const bool v4 = reply->family == AF_INET;
  struct nlattr *tuple = begin_attribute(message, CTA_TUPLE_REPLY | NLA_F_NESTED);
  struct nlattr *ip = begin_attribute(message, CTA_TUPLE_IP | NLA_F_NESTED);
  put(message, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, reply->source, address_bytes(reply->family));
  put(message, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, reply->destination, address_bytes(reply->family));
  end_nested(message, ip);
  struct nlattr *proto = begin_attribute(message, CTA_TUPLE_PROTO | NLA_F_NESTED);
  put(message, CTA_PROTO_NUM, &reply->protocol, 1);
  put(message, CTA_PROTO_SRC_PORT, &reply->source_port, 2);
  put(message, CTA_PROTO_DST_PORT, &reply->destination_port, 2);
  end_nested(message, proto);
  end_nested(message, tuple);
}

/* The value of an attribute of at least `least` bytes among those at [from, from + length); null where there is none. */
static const uint8_t *find(const uint8_t *from, size_t length, uint16_t type, size_t least, size_t *found_length) {
  size_t at = 0;
  while (length - at >= NLA_HDRLEN) {
    struct nlattr attribute;
    memcpy(&attribute, from + at, sizeof(attribute));
    if (attribute.nla_len < NLA_HDRLEN || attribute.nla_len > length - at) return NULL;
    if ((attribute.nla_type & NLA_TYPE_MASK) == type) {
      const size_t value_length = attribute.nla_len - (size_t)NLA_HDRLEN;
      if (value_length < least) return NULL;
      if (found_length != NULL) *found_length = value_length;
      return from + at + NLA_HDRLEN;
    }
    const size_t step = NLA_ALIGN(attribute.nla_len);
    if (step > length - at) return NULL;
    at += step;
  }
  return NULL;
}

static bool read_tuple(const uint8_t *attributes, size_t length, uint16_t which, int family, struct tuple *tuple) {
  size_t tuple_length, ip_length, proto_length;
  const uint8_t *in_tuple = find(attributes, length, which, 0, &tuple_length);
  if (in_tuple == NULL) return false;
  const uint8_t *ip = find(in_tuple, tuple_length, CTA_TUPLE_IP, 0, &ip_length);
  const uint8_t *proto = find(in_tuple, tuple_length, CTA_TUPLE_PROTO, 0, &proto_length);
  if (ip == NULL || proto == NULL) return false;

  const bool v4 = family == AF_INET;
  const size_t bytes = address_bytes(family);
  const uint8_t *source = find(ip, ip_length, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, bytes, NULL);
  const uint8_t *destination = find(ip, ip_length, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, bytes, NULL);
  const uint8_t *number = find(proto, proto_length, CTA_PROTO_NUM, 1, NULL);
  const uint8_t *source_port = find(proto, proto_length, CTA_PROTO_SRC_PORT, 2, NULL);
  const uint8_t *destination_port = find(proto, proto_length, CTA_PROTO_DST_PORT, 2, NULL);
  if (!source || !destination || !number || !source_port || !destination_port) return false;

  memset(tuple, 0, sizeof(*tuple));
  tuple->family = family;
  tuple->protocol = *number;
  memcpy(tuple->source, source, bytes);
  memcpy(tuple->destination, destination, bytes);
  memcpy(&tuple->source_port, source_port, 2);
  memcpy(&tuple->destination_port, destination_port, 2);
  return true;
}

static bool same_tuple(const struct tuple *a, const struct tuple *b) {
  return a->protocol == b->protocol && a->source_port == b->source_port &&
         a->destination_port == b->destination_port && memcmp(a->source, b->source, 16) == 0 &&
         memcmp(a->destination, b->destination, 16) == 0;
}

static struct failure read_answer(const struct nlmsghdr *message, const struct tuple *reply,
                                  struct sockaddr_storage *server) {
  const size_t payload = message->nlmsg_len - (size_t)NLMSG_HDRLEN;
  if (message->nlmsg_type == NLMSG_ERROR) {
    int error;
    if (payload < sizeof(error)) return failed(EPROTO, "ctnetlink");
    memcpy(&error, NLMSG_DATA(message), sizeof(error));
    return failed(error == 0 ? EPROTO : -error, "ctnetlink");
  }
  const size_t header = NLMSG_ALIGN(sizeof(struct nfgenmsg));
  if (message->nlmsg_type != ((NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_NEW) || payload < header)
    return failed(EPROTO, "ctnetlink");

  const uint8_t *attributes = (const uint8_t *)NLMSG_DATA(message) + header;
  struct tuple original, confirmed;
  /* The kernel looks a tuple up in both directions: a flow that *began* with our tuple is another one, not an answer. */
  if (!read_tuple(attributes, payload - header, CTA_TUPLE_REPLY, reply->family, &confirmed) ||
      !read_tuple(attributes, payload - header, CTA_TUPLE_ORIG, reply->family, &original))
    return failed(EPROTO, "ctnetlink");
  if (!same_tuple(&confirmed, reply)) return failed(ENOENT, "ctnetlink");

  memset(server, 0, sizeof(*server));
  if (reply->family == AF_INET) {
    struct sockaddr_in *in = (struct sockaddr_in *)server;
    in->sin_family = AF_INET;
    in->sin_port = original.destination_port;
    memcpy(&in->sin_addr, original.destination, 4);
  } else {
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)server;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = original.destination_port;
    memcpy(&in6->sin6_addr, original.destination, 16);
  }
  return done();
}

static struct failure open_client(struct conntrack_client *client) {
  if (client->fd >= 0) return done();
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (fd < 0) return failed(errno, "socket");
  const struct timeval timeout = {.tv_sec = 0, .tv_usec = TIMEOUT_US};
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) != 0) {
    const int error = errno;
    close(fd);
    return failed(error, "setsockopt");
  }
  client->fd = fd;
  return done();
}

void close_conntrack_client(struct conntrack_client *client) {
  if (client->fd >= 0) close(client->fd);
  client->fd = -1;
}

/* Receives until the answer to `sequence` is there; late answers to earlier questions are passed over, a few at most. */
static struct failure receive_answer(const struct conntrack_client *client, const struct tuple *reply,
                                     struct sockaddr_storage *server) {
  _Alignas(struct nlmsghdr) uint8_t answer[ANSWER_BYTES];
  for (int attempt = 0; attempt < 8; attempt++) {
    struct sockaddr_nl sender;
    struct iovec part = {answer, sizeof(answer)};
    struct msghdr received = {.msg_name = &sender, .msg_namelen = sizeof(sender), .msg_iov = &part, .msg_iovlen = 1};
    const ssize_t length = recvmsg(client->fd, &received, 0);
    if (length < 0) {
      if (errno == EINTR) continue;
      return failed(errno == EAGAIN ? ETIMEDOUT : errno, "recvmsg");
    }
    if (sender.nl_pid != 0) continue; /* only the kernel may answer */
    if (received.msg_flags & MSG_TRUNC) return failed(EMSGSIZE, "recvmsg");
    const struct nlmsghdr *message = (const struct nlmsghdr *)answer;
    if (!NLMSG_OK(message, (size_t)length)) return failed(EPROTO, "recvmsg");
    if (message->nlmsg_seq == client->sequence) return read_answer(message, reply, server);
  }
  return failed(ETIMEDOUT, "recvmsg");
}

struct failure read_original_server(struct conntrack_client *client, uint8_t protocol,
                                    const struct sockaddr_storage *local, const struct sockaddr_storage *peer,
                                    struct sockaddr_storage *server) {
  if (local->ss_family != peer->ss_family) return failed(EAFNOSUPPORT, "ctnetlink");
  struct tuple reply = {.family = local->ss_family, .protocol = protocol};
  read_endpoint(local, reply.source, &reply.source_port);
  read_endpoint(peer, reply.destination, &reply.destination_port);

  struct failure failure = open_client(client);
  if (failure.error != 0) return failure;

  _Alignas(struct nlmsghdr) uint8_t request[REQUEST_BYTES] = {0};
  struct nlmsghdr *message = (struct nlmsghdr *)request;
  write_request(message, &reply, ++client->sequence);
  const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  if (sendto(client->fd, request, message->nlmsg_len, 0, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0) {
    failure = failed(errno, "sendto");
  } else {
    failure = receive_answer(client, &reply, server);
  }
  /* ENOENT is an answer. After anything else the state of the socket is in doubt: the next question gets a new one. */
  if (failure.error != 0 && failure.error != ENOENT) close_conntrack_client(client);
  return failure;
}
