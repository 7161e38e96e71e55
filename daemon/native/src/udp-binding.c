// SPDX-License-Identifier: Apache-2.0
/* Marshalling between JavaScript and UDP sockets: packets cross in memory that both sides see, all of a wake-up in one call. */
#define NAPI_VERSION 8
#include "udp-binding.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "address.h"
#include "binding-fail.h"
#include "loop-watch.h"
#include "udp-sockets.h"

struct sockets {
  int set;
  struct loop_watch *watch; /* NULL: closed */
};

static void close_handle(struct sockets *sockets) {
  if (sockets->watch == NULL) return;
  loop_watch_close(sockets->watch);
  sockets->watch = NULL;
  close(sockets->set);
}

static void finalize(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  close_handle(data);
  free(data);
}

/* openUdp(onReadable): sockets */
static napi_value open_udp(napi_env env, napi_callback_info info) {
  napi_value callback, external;
  size_t count = 1;
  if (napi_get_cb_info(env, info, &count, &callback, NULL, NULL) != napi_ok || count < 1) return fail(env, EINVAL, "openUdp");
  struct sockets *sockets = calloc(1, sizeof(*sockets));
  if (sockets == NULL) return fail(env, ENOMEM, "openUdp");
  sockets->set = epoll_create1(EPOLL_CLOEXEC);
  if (sockets->set < 0) {
    const int error = errno;
    free(sockets);
    return fail(env, error, "epoll_create1");
  }
  sockets->watch = loop_watch_open(env, sockets->set, callback, "leat udp");
  if (sockets->watch != NULL && napi_create_external(env, sockets, finalize, NULL, &external) == napi_ok) return external;
  if (sockets->watch != NULL) loop_watch_close(sockets->watch);
  close(sockets->set);
  free(sockets);
  return fail(env, ENOMEM, "openUdp");
}

static struct sockets *read_sockets(napi_env env, napi_value value) {
  struct sockets *sockets;
  if (napi_get_value_external(env, value, (void **)&sockets) != napi_ok || sockets->watch == NULL) return NULL;
  return sockets;
}

static bool read_address(napi_env env, napi_value address, napi_value port, struct sockaddr_storage *read) {
  char text[INET6_ADDRSTRLEN];
  uint32_t number;
  return napi_get_value_string_latin1(env, address, text, sizeof(text), NULL) == napi_ok &&
         napi_get_value_uint32(env, port, &number) == napi_ok && number <= UINT16_MAX &&
         parse_address(text, (uint16_t)number, read);
}

/* listenUdp(sockets, address, port, receiveBufferBytes, Uint32Array): the listener, and its port in the array */
static napi_value listen_udp(napi_env env, napi_callback_info info) {
  napi_value arguments[5], number;
  napi_typedarray_type type;
  size_t count = 5, length;
  int32_t buffer_bytes;
  uint32_t *numbers;
  struct sockaddr_storage at;
  struct sockets *sockets;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count < 5 ||
      (sockets = read_sockets(env, arguments[0])) == NULL || !read_address(env, arguments[1], arguments[2], &at) ||
      napi_get_value_int32(env, arguments[3], &buffer_bytes) != napi_ok ||
      napi_get_typedarray_info(env, arguments[4], &type, &length, (void **)&numbers, NULL, NULL) != napi_ok ||
      type != napi_uint32_array || length < 1)
    return fail(env, EINVAL, "listenUdp");
  int listener;
  uint16_t port;
  const struct failure failure = udp_listen(sockets->set, &at, buffer_bytes, &listener, &port);
  if (failure.error != 0) return fail(env, failure.error, failure.syscall);
  numbers[0] = port;
  return napi_create_int32(env, listener, &number) == napi_ok ? number : NULL;
}

/* askUdp(sockets, address, port, bytes): the question */
static napi_value ask_udp(napi_env env, napi_callback_info info) {
  napi_value arguments[4], number;
  size_t count = 4, length;
  uint8_t *bytes;
  struct sockaddr_storage server;
  struct sockets *sockets;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count < 4 ||
      (sockets = read_sockets(env, arguments[0])) == NULL || !read_address(env, arguments[1], arguments[2], &server) ||
      napi_get_buffer_info(env, arguments[3], (void **)&bytes, &length) != napi_ok)
    return fail(env, EINVAL, "askUdp");
  int question;
  const struct failure failure = udp_ask(sockets->set, &server, bytes, length, &question);
  if (failure.error != 0) return fail(env, failure.error, failure.syscall);
  return napi_create_int32(env, question, &number) == napi_ok ? number : NULL;
}

/* replyUdp(listener, address, port, scope, bytes) */
static napi_value reply_udp(napi_env env, napi_callback_info info) {
  napi_value arguments[5];
  size_t count = 5, length;
  int32_t listener;
  uint32_t scope;
  uint8_t *bytes;
  struct sockaddr_storage to;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count < 5 ||
      napi_get_value_int32(env, arguments[0], &listener) != napi_ok || listener < 0 ||
      !read_address(env, arguments[1], arguments[2], &to) || napi_get_value_uint32(env, arguments[3], &scope) != napi_ok ||
      napi_get_buffer_info(env, arguments[4], (void **)&bytes, &length) != napi_ok)
    return fail(env, EINVAL, "replyUdp");
  if (to.ss_family == AF_INET6) ((struct sockaddr_in6 *)&to)->sin6_scope_id = scope;
  const struct failure failure = udp_reply(listener, &to, bytes, length);
  return failure.error != 0 ? fail(env, failure.error, failure.syscall) : NULL;
}

/* receiveUdp(sockets, inbox, packets): how many came; eight numbers of each in the array, their bytes in the inbox */
static napi_value receive_udp(napi_env env, napi_callback_info info) {
  napi_value arguments[3], received;
  napi_typedarray_type type;
  size_t count = 3, inbox_bytes, numbers;
  uint8_t *inbox;
  struct udp_packet *packets;
  struct sockets *sockets;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count < 3 ||
      (sockets = read_sockets(env, arguments[0])) == NULL ||
      napi_get_buffer_info(env, arguments[1], (void **)&inbox, &inbox_bytes) != napi_ok ||
      napi_get_typedarray_info(env, arguments[2], &type, &numbers, (void **)&packets, NULL, NULL) != napi_ok ||
      type != napi_int32_array)
    return fail(env, EINVAL, "receiveUdp");
  const size_t most = numbers * sizeof(int32_t) / sizeof(*packets);
  const size_t came = udp_receive(sockets->set, inbox, inbox_bytes, packets, most);
  return napi_create_uint32(env, (uint32_t)came, &received) == napi_ok ? received : NULL;
}

/* endUdp(socket) */
static napi_value end_udp(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t count = 1;
  int32_t fd;
  if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok ||
      napi_get_value_int32(env, argument, &fd) != napi_ok || fd < 0)
    return fail(env, EINVAL, "endUdp");
  close(fd);
  return NULL;
}

static napi_value close_udp(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t count = 1;
  struct sockets *sockets;
  if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok ||
      napi_get_value_external(env, argument, (void **)&sockets) != napi_ok)
    return fail(env, EINVAL, "closeUdp");
  close_handle(sockets);
  return NULL;
}

bool register_udp_functions(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      {"openUdp", NULL, open_udp, NULL, NULL, NULL, napi_enumerable, NULL},
      {"listenUdp", NULL, listen_udp, NULL, NULL, NULL, napi_enumerable, NULL},
      {"askUdp", NULL, ask_udp, NULL, NULL, NULL, napi_enumerable, NULL},
      {"replyUdp", NULL, reply_udp, NULL, NULL, NULL, napi_enumerable, NULL},
      {"receiveUdp", NULL, receive_udp, NULL, NULL, NULL, napi_enumerable, NULL},
      {"endUdp", NULL, end_udp, NULL, NULL, NULL, napi_enumerable, NULL},
      {"closeUdp", NULL, close_udp, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  return napi_define_properties(env, exports, sizeof(functions) / sizeof(functions[0]), functions) == napi_ok;
}
