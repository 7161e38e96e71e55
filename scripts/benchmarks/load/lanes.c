// SPDX-License-Identifier: Apache-2.0
/*
 * The same traffic over two lanes in turn, in short slices: A B B A A B ... Prints what each slice took, as one line of JSON.
 *
 *   lanes KIND CORES PAIRS AMOUNT CLIENT-A SERVER-A ADDRESS-A CLIENT-B SERVER-B ADDRESS-B
 *
 *   bulk          AMOUNT bytes from the server, over one connection
 *   connections   AMOUNT times: open, one byte, its answer, close
 *   requests      AMOUNT times 64 bytes there and back, over one connection
 *   datagrams     AMOUNT datagrams of 64 bytes to the server, in bursts, each burst confirmed by one
 *
 * CLIENT and SERVER are files of network namespaces, ADDRESS is the server's. One process is the client of both lanes and
 * another the server of both: what memory they happened to get is the same for either lane. Each has a core of its own, or both have the
 * first (CORES is 1). `took` is the time of a slice in ns, `cpu` that of both processes with what the kernel does in their names: on veth
 * pairs that is all of a packet's way. On one core the two are the same but for what else the machine does.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PORT = 7005, MESSAGE = 64, BURST = 32, BUFFER_BYTES = 1 << 17, SINK_BYTES = 1 << 20, WAIT_SECONDS = 10, WARM_UP = 4 };
enum kind { BULK, CONNECTIONS, REQUESTS, DATAGRAMS };

struct lane {
  int client_namespace, server;
  struct sockaddr_in target;
};

static const char *const KINDS[] = {"bulk", "connections", "requests", "datagrams"};
static enum kind kind;
static uint64_t amount;
static struct lane lanes[2];
static char buffer[256 * 1024];

static void die(const char *why) {
  fprintf(stderr, "lanes: %s: %s\n", why, strerror(errno));
  exit(1);
}

static void check(int result, const char *what) {
  if (result < 0) die(what);
}

static uint64_t now_ns(clockid_t clock) {
  struct timespec now;
  check(clock_gettime(clock, &now), "clock_gettime");
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The index-th of the cores that this process may use, or the only one. */
static void pin(int index) {
  cpu_set_t allowed, one;
  check(sched_getaffinity(0, sizeof(allowed), &allowed), "sched_getaffinity");
  CPU_ZERO(&one);
  for (int core = 0; core < CPU_SETSIZE && index >= 0; core++) {
    if (!CPU_ISSET(core, &allowed)) continue;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    index--;
  }
  check(sched_setaffinity(0, sizeof(one), &one), "sched_setaffinity");
  /* Nobody is interrupted by whom it wakes: how often that happened would be chance, and a switch costs as much as a packet. */
  const struct sched_param priority = {0};
  check(sched_setscheduler(0, SCHED_BATCH, &priority), "SCHED_BATCH");
}

/* Buffers do not grow on the way, and what is in flight stays in the cores' caches: both would be another story in each slice. */
static void set_up(int fd) {
  const int on = 1, size = BUFFER_BYTES;
  const struct timeval wait = {.tv_sec = WAIT_SECONDS};
  (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
  (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
  check(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)), "SO_RCVTIMEO");
  check(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)), "SO_SNDTIMEO");
  if (kind != DATAGRAMS) check(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), "TCP_NODELAY");
}

static int make_socket(void) {
  const int fd = socket(AF_INET, (kind == DATAGRAMS ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
  check(fd, "socket");
  set_up(fd);
  return fd;
}

static int open_namespace(const char *path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  check(fd, path);
  return fd;
}

static void enter(int namespace) {
  check(setns(namespace, CLONE_NEWNET), "setns");
}

static struct lane make_lane(char **words) {
  struct lane lane = {.client_namespace = open_namespace(words[0]),
                      .target = {.sin_family = AF_INET, .sin_port = htons(PORT)}};
  const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
  const int on = 1;
  inet_pton(AF_INET, words[2], &lane.target.sin_addr);
  enter(open_namespace(words[1]));
  lane.server = make_socket();
  check(setsockopt(lane.server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), "SO_REUSEADDR");
  check(bind(lane.server, (const struct sockaddr *)&any, sizeof(any)), "bind");
  if (kind != DATAGRAMS) check(listen(lane.server, 16), "listen");
  return lane;
}

/* All of it, both ways: short messages come whole. */
static void receive(int fd, size_t length) {
  if (recv(fd, buffer, length, MSG_WAITALL) != (ssize_t)length) die("recv");
}

static void transmit(int fd, size_t length) {
  if (send(fd, buffer, length, MSG_NOSIGNAL) != (ssize_t)length) die("send");
}

static void serve_connection(int fd) {
  if (kind == CONNECTIONS) {
    receive(fd, 1);
    transmit(fd, 1);
  } else if (kind == REQUESTS) {
    for (uint64_t i = 0; i < amount; i++) {
      receive(fd, MESSAGE);
      transmit(fd, MESSAGE);
    }
  } else {
    uint64_t left = amount;
    while (left > 0) {
      const size_t length = left < sizeof(buffer) ? left : sizeof(buffer);
      transmit(fd, length);
      left -= length;
    }
  }
}

static void serve_slice(const struct lane *lane) {
  if (kind == DATAGRAMS) {
    struct sockaddr_in peer;
    socklen_t size = sizeof(peer);
    for (uint64_t i = 1; i <= amount; i++) {
      if (recvfrom(lane->server, buffer, MESSAGE, 0, (struct sockaddr *)&peer, &size) != MESSAGE) die("recvfrom");
      if (i % BURST == 0) (void)!sendto(lane->server, buffer, MESSAGE, 0, (struct sockaddr *)&peer, size);
    }
    return;
  }
  for (uint64_t i = 0; i < (kind == CONNECTIONS ? amount : 1); i++) {
    const int fd = accept4(lane->server, NULL, NULL, SOCK_CLOEXEC);
    check(fd, "accept");
    set_up(fd);
    serve_connection(fd);
    close(fd);
  }
}

static void use_connection(int fd) {
  if (kind == CONNECTIONS) {
    transmit(fd, 1);
    receive(fd, 1);
  } else if (kind == REQUESTS) {
    for (uint64_t i = 0; i < amount; i++) {
      transmit(fd, MESSAGE);
      receive(fd, MESSAGE);
    }
  } else if (kind == DATAGRAMS) {
    for (uint64_t i = 0; i < amount; i++) {
      transmit(fd, MESSAGE);
      if (i % BURST == BURST - 1) receive(fd, MESSAGE);
    }
    return;
  }
  /* Until the server has closed, so that it is the one that remembers the connection for a while. MSG_TRUNC: nothing is copied. */
  uint64_t received = 0;
  for (;;) {
    const ssize_t length = recv(fd, buffer, SINK_BYTES, MSG_TRUNC);
    check((int)(length < 0 ? -1 : 0), "recv");
    if (length == 0) break;
    received += (uint64_t)length;
  }
  if (kind == BULK && received != amount) die("bytes are missing");
}

static void use_slice(const struct lane *lane) {
  for (uint64_t i = 0; i < (kind == CONNECTIONS ? amount : 1); i++) {
    const int fd = make_socket();
    check(connect(fd, (const struct sockaddr *)&lane->target, sizeof(lane->target)), "connect");
    use_connection(fd);
    close(fd);
  }
}

static pid_t start_server(int commands[2], int core) {
  const pid_t parent = getpid(), child = fork();
  check(child, "fork");
  if (child != 0) return child;
  check(prctl(PR_SET_PDEATHSIG, SIGKILL), "PR_SET_PDEATHSIG");
  if (getppid() != parent) exit(1);
  close(commands[1]);
  pin(core);
  uint8_t lane;
  while (read(commands[0], &lane, 1) == 1) serve_slice(&lanes[lane]);
  exit(0);
}

static void print(const char *name, const uint64_t *values, size_t count) {
  printf("\"%s\": [", name);
  for (size_t i = 0; i < count; i++) printf("%s%llu", i == 0 ? "" : ", ", (unsigned long long)values[i]);
  printf("]");
}

int main(int argc, char **argv) {
  if (argc != 11) return 2;
  while (kind <= DATAGRAMS && strcmp(argv[1], KINDS[kind]) != 0) kind++;
  const uint64_t pairs = strtoull(argv[3], NULL, 10);
  amount = strtoull(argv[4], NULL, 10);
  if (kind > DATAGRAMS || pairs == 0 || amount == 0 || (kind == DATAGRAMS && amount % BURST != 0)) return 2;
  for (int lane = 0; lane < 2; lane++) lanes[lane] = make_lane(argv + 5 + lane * 3);
  int commands[2];
  check(socketpair(AF_UNIX, SOCK_STREAM, 0, commands), "socketpair");
  const pid_t server = start_server(commands, atoi(argv[2]) - 1);
  close(commands[0]);
  pin(0);
  clockid_t server_clock;
  if (clock_getcpuclockid(server, &server_clock) != 0) die("clock_getcpuclockid");

  uint64_t *took_ns[2], *cpu_ns[2];
  for (int lane = 0; lane < 2; lane++) {
    took_ns[lane] = calloc(pairs, sizeof(uint64_t));
    cpu_ns[lane] = calloc(pairs, sizeof(uint64_t));
  }
  for (uint64_t slice = 0; slice < 2 * (pairs + WARM_UP); slice++) {
    const uint64_t pair = slice / 2;
    const uint8_t lane = (uint8_t)((slice ^ pair) & 1);
    enter(lanes[lane].client_namespace);
    const uint64_t began_ns = now_ns(CLOCK_MONOTONIC);
    const uint64_t cpu_before = now_ns(CLOCK_PROCESS_CPUTIME_ID) + now_ns(server_clock);
    if (write(commands[1], &lane, 1) != 1) die("write");
    use_slice(&lanes[lane]);
    if (pair < WARM_UP) continue;
    cpu_ns[lane][pair - WARM_UP] = now_ns(CLOCK_PROCESS_CPUTIME_ID) + now_ns(server_clock) - cpu_before;
    took_ns[lane][pair - WARM_UP] = now_ns(CLOCK_MONOTONIC) - began_ns;
  }
  printf("{");
  print("tookA", took_ns[0], pairs);
  printf(", ");
  print("tookB", took_ns[1], pairs);
  printf(", ");
  print("cpuA", cpu_ns[0], pairs);
  printf(", ");
  print("cpuB", cpu_ns[1], pairs);
  puts("}");
  return 0;
}
