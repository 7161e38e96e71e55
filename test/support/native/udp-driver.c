// SPDX-License-Identifier: Apache-2.0
/*
 * Drives the UDP sockets without Node, so that sanitizers see all of them: listeners of both families answer the questions that
 * the driver asks. Prints what it did; exit code 1 and a sentence on standard error where a contract was not kept.
 *
 *   udp-driver COUNT SEED   asks COUNT questions of random sizes; answers, drops, ends and refuses some
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "address.h"
#include "random.h"
#include "udp-sockets.h"

enum { WAITING = 32, MOST_PACKETS = 64, ID_BYTES = 8, INBOX_BYTES = 2 * MOST_PACKET_BYTES };

static void fail(const char *why, long long number) {
  fprintf(stderr, "udp-driver: %s (%lld)\n", why, number);
  _exit(1);
}

struct question {
  int socket; /* -1: free */
  uint64_t id;
  bool to_nobody;
};

static struct question questions[WAITING];
static const char *const addresses[] = {"127.0.0.1", "::1"};
static struct sockaddr_storage served[2], nobody[2];
static int set, listeners[2];
static uint64_t asked, answered, ended, refused, dropped;
static uint8_t inbox[INBOX_BYTES];

/* Packets say who they belong to and fill the rest with it: bytes of another one show. */
static size_t write_packet(uint8_t *bytes, uint64_t id, size_t length) {
  memset(bytes, (int)(id * 31 % 251), length);
  memcpy(bytes, &id, ID_BYTES);
  return length;
}

static uint64_t read_packet(const uint8_t *bytes, int32_t length) {
  uint64_t id;
  if (length < ID_BYTES) fail("a packet is too short", length);
  memcpy(&id, bytes, ID_BYTES);
  for (int32_t i = ID_BYTES; i < length; i++)
    if (bytes[i] != (uint8_t)(id * 31 % 251)) fail("bytes of another packet", (long long)id);
  return id;
}

static size_t random_length(void) {
  return ID_BYTES + random_below(one_in(40) ? 60000 : 1500);
}

static int descriptors(void) {
  DIR *folder = opendir("/proc/self/fd");
  int count = 0;
  while (readdir(folder) != NULL) count++;
  closedir(folder);
  return count;
}

static void ask(struct question *question) {
  static uint8_t bytes[MOST_PACKET_BYTES];
  const size_t family = random_below(2);
  question->to_nobody = one_in(10);
  question->id = ++asked;
  const size_t length = write_packet(bytes, question->id, random_length());
  const struct sockaddr_storage *server = question->to_nobody ? &nobody[family] : &served[family];
  const struct failure failure = udp_ask(set, server, bytes, length, &question->socket);
  if (failure.error != 0) fail(failure.syscall, failure.error);
}

static void end(struct question *question) {
  close(question->socket);
  question->socket = -1;
}

/* What udp_listen heard goes back to its sender, mostly. */
static void serve(const struct udp_packet *packet, const uint8_t *bytes) {
  static uint8_t answer[MOST_PACKET_BYTES];
  char text[64];
  struct sockaddr_storage to;
  const uint64_t id = read_packet(bytes, packet->length);
  if (one_in(20)) {
    dropped++;
    return;
  }
  snprintf(text, sizeof(text), "%d.%d.%d.%d", packet->address[0], packet->address[1], packet->address[2], packet->address[3]);
  if (!parse_address(packet->family == 4 ? text : "::1", packet->port, &to)) fail("a sender without address", packet->family);
  const struct failure failure = udp_reply(packet->socket, &to, answer, write_packet(answer, id, random_length()));
  /* Who asked may be gone, and said so. */
  if (failure.error != 0 && failure.error != ECONNREFUSED) fail(failure.syscall, failure.error);
}

static void hear(const struct udp_packet *packet, const uint8_t *bytes) {
  for (int i = 0; i < WAITING; i++) {
    struct question *question = &questions[i];
    if (question->socket != packet->socket) continue;
    if (packet->length < 0) {
      if (!question->to_nobody || packet->length != -ECONNREFUSED) fail("an errno that nobody expected", packet->length);
      refused++;
    } else {
      if (read_packet(bytes, packet->length) != question->id) fail("the answer to another question", (long long)question->id);
      answered++;
    }
    end(question);
    return;
  }
  fail("a packet of nobody's", packet->socket);
}

static void receive(void) {
  struct udp_packet packets[MOST_PACKETS];
  const size_t most = 1 + random_below(MOST_PACKETS);
  const size_t room = one_in(30) ? random_below(MOST_PACKET_BYTES) : MOST_PACKET_BYTES + random_below(MOST_PACKET_BYTES);
  const size_t count = udp_receive(set, inbox, room, packets, most);
  if (count > most || (count > 0 && room < MOST_PACKET_BYTES)) fail("more than there is room for", (long long)count);
  size_t at = 0;
  for (size_t i = 0; i < count; i++) {
    if (packets[i].socket == listeners[0] || packets[i].socket == listeners[1]) serve(&packets[i], inbox + at);
    else hear(&packets[i], inbox + at);
    if (packets[i].length > 0) at += (size_t)packets[i].length;
  }
}

/* With no descriptor left a question is refused, and nothing of it stays. */
static void exhaust(void) {
  struct rlimit limit, none;
  int socket;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) fail("getrlimit", errno);
  none = limit;
  none.rlim_cur = 3;
  if (setrlimit(RLIMIT_NOFILE, &none) != 0) fail("setrlimit", errno);
  const struct failure failure = udp_ask(set, &served[0], inbox, ID_BYTES, &socket);
  if (failure.error != EMFILE) fail("a descriptor where there is none", failure.error);
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) fail("setrlimit", errno);
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  const uint64_t count = strtoull(argv[1], NULL, 10);
  random_state = strtoull(argv[2], NULL, 10) + 1;
  const int before = descriptors();
  set = epoll_create1(EPOLL_CLOEXEC);
  for (int i = 0; i < 2; i++) {
    uint16_t port;
    struct sockaddr_storage any;
    parse_address(addresses[i], 0, &any);
    parse_address(addresses[i], 1, &nobody[i]);
    const struct failure failure = udp_listen(set, &any, 1 << 20, &listeners[i], &port);
    if (failure.error != 0) fail(failure.syscall, failure.error);
    parse_address(addresses[i], port, &served[i]);
    int again;
    if (udp_listen(set, &served[i], 1 << 20, &again, &port).error != EADDRINUSE) fail("bound twice", port);
  }
  for (int i = 0; i < WAITING; i++) questions[i].socket = -1;
  while (asked < count) {
    struct question *question = &questions[random_below(WAITING)];
    if (question->socket < 0) {
      ask(question);
    } else if (one_in(50)) {
      /* Its answer may be under way. */
      end(question);
      ended++;
    }
    if (one_in(3)) receive();
    if (one_in(5000)) exhaust();
  }
  for (int i = 0; i < WAITING; i++)
    if (questions[i].socket >= 0) end(&questions[i]);
  for (int i = 0; i < 2; i++) close(listeners[i]);
  close(set);
  if (descriptors() != before) fail("descriptors are left", descriptors() - before);
  printf("%llu asked, %llu answered, %llu refused, %llu ended, %llu dropped\n", (unsigned long long)asked, (unsigned long long)answered,
         (unsigned long long)refused, (unsigned long long)ended, (unsigned long long)dropped);
  return 0;
}
