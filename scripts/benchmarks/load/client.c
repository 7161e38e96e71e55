// SPDX-License-Identifier: Apache-2.0
/*
 * The clients of every bed: one thread, closed loop. Prints one line of JSON.
 *
 *   client connections ADDRESS PORT COUNT PARALLEL    open, one request of 64 bytes, its answer, close
 *   client requests ADDRESS PORT COUNT PARALLEL       the same requests over PARALLEL kept connections
 *   client http ADDRESS PORT COUNT PARALLEL HOST      GETs over PARALLEL kept connections
 *   client bulk ADDRESS PORT BYTES PARALLEL           BYTES from the far end, over PARALLEL connections together
 *   client idle ADDRESS PORT COUNT                    opens COUNT, one request each, and holds them until its input ends
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE = 64, EVENTS = 256, ROOM = 4096, IDLE_PARALLEL = 256 };
enum mode { CONNECTIONS, REQUESTS, HTTP, BULK, IDLE };

struct connection {
  int fd;
  bool connected;
  uint64_t began_ns, have;
  char room[ROOM];
};

static const char *const MODES[] = {"connections", "requests", "http", "bulk", "idle"};
static struct sockaddr_in target;
static int epoll_fd;
static enum mode mode;
static char request[512];
static size_t request_bytes;
static uint64_t wanted, begun, done, failed, received;
static uint32_t *latencies_ns;
static char sink[1 << 20];

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void die(const char *why) {
  fprintf(stderr, "client: %s: %s (%llu done, %llu failed)\n", why, strerror(errno), (unsigned long long)done, (unsigned long long)failed);
  exit(1);
}

static void begin_connection(struct connection *connection) {
  const int on = 1;
  connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  connection->connected = false;
  connection->have = 0;
  connection->began_ns = now_ns();
  (void)setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (connect(connection->fd, (struct sockaddr *)&target, sizeof(target)) != 0 && errno != EINPROGRESS) die("connect");
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = connection};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, connection->fd, &event) != 0) die("epoll_ctl");
}

static void ask(struct connection *connection) {
  connection->have = 0;
  if (mode != CONNECTIONS) connection->began_ns = now_ns();
  if (send(connection->fd, request, request_bytes, MSG_NOSIGNAL) != (ssize_t)request_bytes) die("send");
}

/* The whole answer's length once it can be told; 0 before. */
static size_t answer_length(struct connection *connection) {
  if (mode != HTTP) return MESSAGE;
  connection->room[connection->have] = 0;
  const char *end = strstr(connection->room, "\r\n\r\n");
  if (end == NULL) return 0;
  const char *length = strcasestr(connection->room, "content-length:");
  if (strncmp(connection->room, "HTTP/1.1 200", 12) != 0 || length == NULL || length > end) {
    fprintf(stderr, "client: %s\n", connection->room);
    exit(1);
  }
  return (size_t)(end + 4 - connection->room) + strtoul(length + 15, NULL, 10);
}

/* After an answer: the next request, the next connection, or none. */
static void go_on(struct connection *connection) {
  if (latencies_ns != NULL) latencies_ns[done] = (uint32_t)(now_ns() - connection->began_ns);
  done++;
  if (mode == IDLE) {
    if (begun < wanted) {
      begun++;
      begin_connection(calloc(1, sizeof(*connection)));
    }
    return;
  }
  if (mode == CONNECTIONS) close(connection->fd);
  if (begun == wanted) return;
  begun++;
  if (mode == CONNECTIONS) begin_connection(connection);
  else ask(connection);
}

static void handle(struct connection *connection, uint32_t events) {
  if (!connection->connected && (events & (EPOLLERR | EPOLLHUP))) die("not connected");
  if (!connection->connected) {
    connection->connected = true;
    ask(connection);
  }
  if (!(events & ~(uint32_t)EPOLLOUT)) return;
  if (mode == BULK) {
    for (;;) {
      const ssize_t length = recv(connection->fd, sink, sizeof(sink), MSG_TRUNC);
      if (length < 0 && errno == EAGAIN) return;
      if (length < 0) die("recv");
      received += (uint64_t)length;
      if (length > 0) continue;
      close(connection->fd);
      done++;
      return;
    }
  }
  const ssize_t length = recv(connection->fd, connection->room + connection->have, ROOM - 1 - connection->have, 0);
  if (length < 0 && errno == EAGAIN) return;
  if (length <= 0) die("an answer was cut off");
  connection->have += (uint64_t)length;
  const size_t whole = answer_length(connection);
  if (whole > 0 && connection->have >= whole) go_on(connection);
}

static int by_size(const void *a, const void *b) {
  const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

static double percentile_us(unsigned percent) {
  return done == 0 || latencies_ns == NULL ? 0 : latencies_ns[(done - 1) * percent / 100] / 1000.0;
}

int main(int argc, char **argv) {
  if (argc < 5) return 2;
  while (mode <= IDLE && strcmp(argv[1], MODES[mode]) != 0) mode++;
  if (mode > IDLE) return 2;
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  target = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[3]))};
  inet_pton(AF_INET, argv[2], &target.sin_addr);
  const uint64_t count = strtoull(argv[4], NULL, 10);
  uint64_t parallel = argc > 5 ? strtoull(argv[5], NULL, 10) : IDLE_PARALLEL;
  wanted = mode == BULK ? parallel : count;
  if (parallel > wanted) parallel = wanted;
  if (mode == BULK) request_bytes = (size_t)sprintf(request, "%llu\n", (unsigned long long)(count / parallel));
  else if (mode == HTTP)
    request_bytes = (size_t)snprintf(request, sizeof(request),
                                     "GET /orders?id=1 HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n", argv[6]);
  else memset(request, 'x', request_bytes = MESSAGE);
  if (mode != BULK) latencies_ns = calloc(wanted, sizeof(*latencies_ns));
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  const uint64_t began_ns = now_ns();
  while (begun < parallel) {
    begun++;
    begin_connection(calloc(1, sizeof(struct connection)));
  }
  struct epoll_event events[EVENTS];
  while (done < wanted) {
    const int ready = epoll_wait(epoll_fd, events, EVENTS, 20000);
    if (ready == 0) die("nothing came for 20 s");
    for (int i = 0; i < ready; i++) handle(events[i].data.ptr, events[i].events);
  }
  const double seconds = (double)(now_ns() - began_ns) / 1e9;
  if (latencies_ns != NULL) qsort(latencies_ns, done, sizeof(*latencies_ns), by_size);
  printf("{\"done\": %llu, \"bytes\": %llu, \"seconds\": %.6f, \"p50Us\": %.1f, \"p99Us\": %.1f}\n", (unsigned long long)done,
         (unsigned long long)received, seconds, percentile_us(50), percentile_us(99));
  fflush(stdout);
  if (mode == IDLE) while (read(0, sink, sizeof(sink)) > 0) continue;
  return 0;
}
