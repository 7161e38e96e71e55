// SPDX-License-Identifier: Apache-2.0
#include "relay-rows.h"

#include <netinet/in.h>
#include <string.h>

enum { BATCH = 128 };

static size_t room(const struct relay_numbers *numbers) { return numbers->most < BATCH ? numbers->most : BATCH; }

static void write_result(double *row, const struct relay_result *result) {
  row[0] = (double)result->id;
  row[1] = (double)result->bytes[RELAY_DOWNSTREAM];
  row[2] = (double)result->bytes[RELAY_UPSTREAM];
  row[3] = result->end;
  row[4] = result->error;
  row[5] = result->returned_fd;
  row[6] = result->step;
  row[7] = result->answer_length;
  row[8] = 0;
  for (uint32_t i = 0; i < result->answer_length; i++) row[8] = row[8] * 256 + result->answer[i];
}

static void write_endpoint(double *row, const struct sockaddr_storage *address) {
  uint32_t words[4] = {0};
  row[0] = 0;
  row[1] = 0;
  if (address->ss_family == AF_INET) {
    const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)(const void *)address;
    row[0] = 4;
    row[1] = ntohs(ipv4->sin_port);
    memcpy(words, &ipv4->sin_addr, sizeof(ipv4->sin_addr));
  } else if (address->ss_family == AF_INET6) {
    const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)(const void *)address;
    row[0] = 6;
    row[1] = ntohs(ipv6->sin6_port);
    memcpy(words, &ipv6->sin6_addr, sizeof(ipv6->sin6_addr));
  }
  for (int word = 0; word < 4; word++) row[2 + word] = ntohl(words[word]);
}

static void read_endpoint(const double *row, struct sockaddr_storage *address) {
  uint32_t words[4];
  for (int word = 0; word < 4; word++) words[word] = htonl((uint32_t)row[2 + word]);
  memset(address, 0, sizeof(*address));
  if (row[0] == 4) {
    struct sockaddr_in *ipv4 = (struct sockaddr_in *)(void *)address;
    ipv4->sin_family = AF_INET;
    ipv4->sin_port = htons((uint16_t)row[1]);
    memcpy(&ipv4->sin_addr, words, sizeof(ipv4->sin_addr));
  } else {
    struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)(void *)address;
    ipv6->sin6_family = AF_INET6;
    ipv6->sin6_port = htons((uint16_t)row[1]);
    memcpy(&ipv6->sin6_addr, words, sizeof(ipv6->sin6_addr));
  }
}

void relay_take_rows(struct relay_engine *engine, struct relay_rows *rows) {
  struct relay_result results[BATCH];
  struct relay_accepted accepted[BATCH];
  const size_t ended = relay_engine_take_results(engine, results, room(&rows->results));
  for (size_t i = 0; i < ended; i++) write_result(rows->results.rows + i * RELAY_RESULT_NUMBERS, &results[i]);
  *rows->results.count = (double)ended;
  const size_t came = relay_engine_take_accepted(engine, accepted, room(&rows->accepted));
  for (size_t i = 0; i < came; i++) {
    double *row = rows->accepted.rows + i * RELAY_ACCEPTED_NUMBERS;
    row[0] = accepted[i].fd;
    row[1] = accepted[i].error;
    write_endpoint(row + 2, &accepted[i].peer);
    write_endpoint(row + 2 + RELAY_ENDPOINT_NUMBERS, &accepted[i].destination);
  }
  *rows->accepted.count = (double)came;
}

/* Where a script does not lie among the scripts the dial has none that is valid, and is refused. */
static size_t add_dial(struct relay_engine *engine, const struct relay_rows *rows, const double *row) {
  static const uint8_t invalid[1];
  const double *times = row + 2 + RELAY_ENDPOINT_NUMBERS;
  const size_t offset = (size_t)times[2], length = (size_t)times[3];
  const bool inside = offset <= rows->scripts_length && length <= rows->scripts_length - offset;
  struct relay_dial dial = {
      .connect_ms = (uint64_t)times[0],
      .script = inside ? rows->scripts + offset : invalid,
      .script_length = inside ? length : sizeof(invalid),
  };
  read_endpoint(row + 2, &dial.address);
  const struct relay_request request = {
      .id = (uint64_t)row[0],
      .fd = {(int)row[1], -1},
      .dial = &dial,
      .idle_ms = (uint64_t)times[1],
  };
  relay_engine_add(engine, &request);
  return inside ? offset + length : 0;
}

void relay_submit_rows(struct relay_engine *engine, struct relay_rows *rows) {
  const size_t dials = (size_t)*rows->dials.count;
  size_t used = 0;
  for (size_t i = 0; i < dials && i < rows->dials.most; i++) {
    const size_t end = add_dial(engine, rows, rows->dials.rows + i * RELAY_DIAL_NUMBERS);
    if (end > used) used = end;
  }
  /* A script may hold a password. */
  explicit_bzero(rows->scripts, used);
  *rows->dials.count = 0;
  relay_engine_flush(engine);
}
