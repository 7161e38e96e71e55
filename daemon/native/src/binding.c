// SPDX-License-Identifier: Apache-2.0
/* Marshalling between JavaScript and the functions of this folder, and nothing else. index.ts describes the functions. */
#define NAPI_VERSION 8
#include <arpa/inet.h>
#include <malloc.h>
#include <node_api.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "http-binding.h"
#include "links.h"
#include "namespace.h"
#include "original-destination.h"
#include "original-server.h"
#include "relay-binding.h"
#include "udp-binding.h"

/* One per instance of the module: Node may load it into several threads. */
struct instance {
  struct conntrack_client conntrack;
  struct link_watch links;
};

/* With an exception pending already, the call that failed has told it. */
static bool ok(napi_env env, napi_status status) {
  if (status == napi_ok) return true;
  bool pending = false;
  if (napi_is_exception_pending(env, &pending) == napi_ok && !pending)
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "native call with arguments of a wrong type");
  return false;
}

static napi_value throw_failure(napi_env env, struct failure failure) {
  const char *name = strerrorname_np(failure.error);
  const char *description = strerrordesc_np(failure.error);
  char text[160];
  snprintf(text, sizeof(text), "%s %s: %s", failure.syscall, name ? name : "unknown errno",
           description ? description : "no description");
  napi_value message, code, number, syscall, error;
  if (!ok(env, napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &message)) ||
      !ok(env, napi_create_string_utf8(env, name ? name : "UNKNOWN", NAPI_AUTO_LENGTH, &code)) ||
      !ok(env, napi_create_string_utf8(env, failure.syscall, NAPI_AUTO_LENGTH, &syscall)) ||
      !ok(env, napi_create_int32(env, -failure.error, &number)) || /* negative, as in Node's own errors */
      !ok(env, napi_create_error(env, code, message, &error)) ||
      !ok(env, napi_set_named_property(env, error, "errno", number)) ||
      !ok(env, napi_set_named_property(env, error, "syscall", syscall)))
    return NULL;
  napi_throw(env, error);
  return NULL;
}

static bool read_arguments(napi_env env, napi_callback_info info, size_t expected, napi_value *arguments) {
  size_t count = expected;
  if (!ok(env, napi_get_cb_info(env, info, &count, arguments, NULL, NULL))) return false;
  return count >= expected || ok(env, napi_invalid_arg);
}

static bool read_port(napi_env env, napi_value value, uint16_t *port) {
  uint32_t number;
  if (!ok(env, napi_get_value_uint32(env, value, &number))) return false;
  if (number > UINT16_MAX) return ok(env, napi_invalid_arg);
  *port = (uint16_t)number;
  return true;
}

/* { address, port } with the address as text, without zone. */
static bool read_sockaddr(napi_env env, napi_value object, struct sockaddr_storage *endpoint) {
  napi_value address, port;
  char text[INET6_ADDRSTRLEN + 1];
  size_t length;
  uint16_t number;
  if (!ok(env, napi_get_named_property(env, object, "address", &address)) ||
      !ok(env, napi_get_value_string_utf8(env, address, text, sizeof(text), &length)) ||
      !ok(env, napi_get_named_property(env, object, "port", &port)) || !read_port(env, port, &number))
    return false;
  return parse_address(text, number, endpoint) || ok(env, napi_invalid_arg);
}

static napi_value write_sockaddr(napi_env env, const struct sockaddr_storage *endpoint) {
  const bool v4 = endpoint->ss_family == AF_INET;
  const struct sockaddr_in *in = (const struct sockaddr_in *)endpoint;
  const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)endpoint;
  char text[INET6_ADDRSTRLEN];
  const void *bytes = v4 ? (const void *)&in->sin_addr : (const void *)&in6->sin6_addr;
  if (inet_ntop(endpoint->ss_family, bytes, text, sizeof(text)) == NULL) return NULL;
  napi_value object, address, port;
  if (!ok(env, napi_create_object(env, &object)) ||
      !ok(env, napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &address)) ||
      !ok(env, napi_create_uint32(env, address_port(endpoint), &port)) ||
      !ok(env, napi_set_named_property(env, object, "address", address)) ||
      !ok(env, napi_set_named_property(env, object, "port", port)))
    return NULL;
  return object;
}

static napi_value original_destination(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  int32_t fd;
  if (!read_arguments(env, info, 1, arguments) || !ok(env, napi_get_value_int32(env, arguments[0], &fd))) return NULL;
  struct sockaddr_storage destination;
  const struct failure failure = read_original_destination(fd, &destination);
  return failure.error != 0 ? throw_failure(env, failure) : write_sockaddr(env, &destination);
}

/* originalServer(local, peer, protocolNumber) */
static napi_value original_server(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  struct sockaddr_storage local, peer, server;
  uint32_t protocol;
  struct instance *instance;
  if (!read_arguments(env, info, 3, arguments) || !read_sockaddr(env, arguments[0], &local) ||
      !read_sockaddr(env, arguments[1], &peer) || !ok(env, napi_get_value_uint32(env, arguments[2], &protocol)) ||
      !ok(env, napi_get_instance_data(env, (void **)&instance)))
    return NULL;
  const struct failure failure = read_original_server(&instance->conntrack, (uint8_t)protocol, &local, &peer, &server);
  return failure.error != 0 ? throw_failure(env, failure) : write_sockaddr(env, &server);
}

static napi_value write_fd(napi_env env, struct failure failure, int fd) {
  napi_value number;
  if (failure.error != 0) return throw_failure(env, failure);
  return ok(env, napi_create_int32(env, fd, &number)) ? number : NULL;
}

static napi_value create_network_namespace(napi_env env, napi_callback_info info) {
  (void)info;
  int fd;
  const struct failure failure = create_namespace(&fd);
  return write_fd(env, failure, fd);
}

/* tcpSocketInNamespace(namespaceFd, family) */
static napi_value tcp_socket_in_namespace(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  int32_t namespace_fd, family;
  if (!read_arguments(env, info, 2, arguments) || !ok(env, napi_get_value_int32(env, arguments[0], &namespace_fd)) ||
      !ok(env, napi_get_value_int32(env, arguments[1], &family)))
    return NULL;
  int fd;
  const struct failure failure =
      open_socket_in_namespace(namespace_fd, family == 4 ? AF_INET : AF_INET6, SOCK_STREAM, &fd);
  return write_fd(env, failure, fd);
}

/* beginConnect(fd, endpoint) */
static napi_value begin_to_connect(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  int32_t fd;
  struct sockaddr_storage endpoint;
  if (!read_arguments(env, info, 2, arguments) || !ok(env, napi_get_value_int32(env, arguments[0], &fd)) ||
      !read_sockaddr(env, arguments[1], &endpoint))
    return NULL;
  const struct failure failure = begin_connect(fd, &endpoint);
  return failure.error != 0 ? throw_failure(env, failure) : NULL;
}

static napi_value write_count(napi_env env, uint32_t count) {
  napi_value number;
  return ok(env, napi_create_uint32(env, count, &number)) ? number : NULL;
}

static struct link_watch *followed_links(napi_env env) {
  struct instance *instance;
  if (!ok(env, napi_get_instance_data(env, (void **)&instance))) return NULL;
  const struct failure failure = follow_links(&instance->links);
  if (failure.error == 0) return &instance->links;
  throw_failure(env, failure);
  return NULL;
}

static napi_value link_changes(napi_env env, napi_callback_info info) {
  (void)info;
  const struct link_watch *links = followed_links(env);
  return links == NULL ? NULL : write_count(env, links->changes);
}

static napi_value link_arrivals(napi_env env, napi_callback_info info) {
  (void)info;
  const struct link_watch *links = followed_links(env);
  return links == NULL ? NULL : write_count(env, links->arrivals);
}

/* linkArrivalOf(endpoint) */
static napi_value link_arrival_of(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  struct sockaddr_storage endpoint;
  struct instance *instance;
  uint32_t arrival;
  if (!read_arguments(env, info, 1, arguments) || !read_sockaddr(env, arguments[0], &endpoint) ||
      !ok(env, napi_get_instance_data(env, (void **)&instance)))
    return NULL;
  const struct failure failure = find_link(&instance->links, &endpoint, &arrival);
  return failure.error != 0 ? throw_failure(env, failure) : write_count(env, arrival);
}

static void finalize_instance(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  struct instance *instance = data;
  close_conntrack_client(&instance->conntrack);
  close_link_watch(&instance->links);
  free(instance);
}

/*
 * A list of ten thousand objects is read in pieces of a megabyte. glibc takes the first of them that is freed as a sign that
 * more will come, puts the next on its heap, and gives nothing back: thresholds that are set stay. Eight threads with an
 * arena each would keep as much again. See mallopt(3).
 */
static void bound_free_memory(void) {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 128 * 1024);
  mallopt(M_TRIM_THRESHOLD, 128 * 1024);
  mallopt(M_ARENA_MAX, 2);
#endif
}

NAPI_MODULE_INIT() {
  bound_free_memory();
  struct instance *instance = calloc(1, sizeof(*instance));
  if (instance == NULL) return NULL;
  instance->conntrack.fd = -1;
  instance->links.events = -1;
  instance->links.requests = -1;
  if (!ok(env, napi_set_instance_data(env, instance, finalize_instance, NULL))) {
    free(instance);
    return NULL;
  }
  const napi_property_descriptor functions[] = {
      {"originalDestination", NULL, original_destination, NULL, NULL, NULL, napi_enumerable, NULL},
      {"originalServer", NULL, original_server, NULL, NULL, NULL, napi_enumerable, NULL},
      {"linkChanges", NULL, link_changes, NULL, NULL, NULL, napi_enumerable, NULL},
      {"linkArrivals", NULL, link_arrivals, NULL, NULL, NULL, napi_enumerable, NULL},
      {"linkArrivalOf", NULL, link_arrival_of, NULL, NULL, NULL, napi_enumerable, NULL},
      {"createNetworkNamespace", NULL, create_network_namespace, NULL, NULL, NULL, napi_enumerable, NULL},
      {"tcpSocketInNamespace", NULL, tcp_socket_in_namespace, NULL, NULL, NULL, napi_enumerable, NULL},
      {"beginConnect", NULL, begin_to_connect, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  if (!ok(env, napi_define_properties(env, exports, sizeof(functions) / sizeof(functions[0]), functions))) return NULL;
  const bool registered = register_relay_functions(env, exports) && register_http_functions(env, exports) &&
                          register_udp_functions(env, exports);
  return registered ? exports : NULL;
}
