// SPDX-License-Identifier: Apache-2.0
/*
 * Asks one name over UDP, PARALLEL questions at a time, each on a socket of its own. Prints one line of JSON.
 * `dns-client SERVER NAME COUNT PARALLEL`
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_PARALLEL = 512, LOST_MS = 2000 };

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int by_size(const void *a, const void *b) {
  const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

/* A question of type A with recursion desired. */
static size_t encode(uint8_t *bytes, const char *name) {
  static const uint8_t head[12] = {0, 0, 1, 0, 0, 1};
  size_t at = sizeof(head);
  memcpy(bytes, head, sizeof(head));
  while (*name != 0) {
    const size_t length = strcspn(name, ".");
    bytes[at++] = (uint8_t)length;
    memcpy(bytes + at, name, length);
    at += length;
    name += length + (name[length] == '.');
  }
  const uint8_t tail[5] = {0, 0, 1, 0, 1};
  memcpy(bytes + at, tail, sizeof(tail));
  return at + sizeof(tail);
}

int main(int argc, char **argv) {
  if (argc != 5 || strlen(argv[2]) > 200) return 2;
  const uint64_t count = strtoull(argv[3], NULL, 10), parallel = strtoull(argv[4], NULL, 10);
  if (parallel < 1 || parallel > MOST_PARALLEL || count < parallel) return 2;
  struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(53)};
  inet_pton(AF_INET, argv[1], &server.sin_addr);
  static struct pollfd sockets[MOST_PARALLEL];
  static uint64_t began_ns[MOST_PARALLEL];
  uint32_t *latencies_ns = calloc(count, sizeof(*latencies_ns));
  uint8_t question[256], answer[1500];
  const size_t length = encode(question, argv[2]);
  uint64_t begun = 0, done = 0, answered = 0;
  const uint64_t start_ns = now_ns();
  for (uint64_t i = 0; i < parallel; i++) {
    sockets[i] = (struct pollfd){.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), .events = POLLIN};
    if (connect(sockets[i].fd, (struct sockaddr *)&server, sizeof(server)) != 0) return 1;
    began_ns[i] = now_ns();
    (void)!send(sockets[i].fd, question, length, 0);
    begun++;
  }
  while (done < count) {
    if (poll(sockets, parallel, LOST_MS) <= 0) break;
    for (uint64_t i = 0; i < parallel; i++) {
      if (sockets[i].revents == 0) continue;
      const ssize_t got = recv(sockets[i].fd, answer, sizeof(answer), 0);
      if (got < 12) continue;
      latencies_ns[done++] = (uint32_t)(now_ns() - began_ns[i]);
      if ((answer[3] & 15) == 0 && answer[7] > 0) answered++;
      if (begun == count) continue;
      begun++;
      began_ns[i] = now_ns();
      question[1] = (uint8_t)begun;
      (void)!send(sockets[i].fd, question, length, 0);
    }
  }
  const double seconds = (double)(now_ns() - start_ns) / 1e9;
  qsort(latencies_ns, done, sizeof(*latencies_ns), by_size);
  printf("{\"done\": %llu, \"bytes\": %llu, \"seconds\": %.6f, \"p50Us\": %.1f, \"p99Us\": %.1f}\n", (unsigned long long)answered, 0ULL,
         seconds, done == 0 ? 0 : latencies_ns[done / 2] / 1000.0, done == 0 ? 0 : latencies_ns[(done - 1) * 99 / 100] / 1000.0);
  return done == count ? 0 : 1;
}
