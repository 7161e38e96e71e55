// SPDX-License-Identifier: Apache-2.0
#ifndef LEAT_UDP_BINDING_H
#define LEAT_UDP_BINDING_H

#include <node_api.h>
#include <stdbool.h>

/* Adds the functions of UDP sockets to the module; daemon/native/udp-sockets.ts describes them. */
bool register_udp_functions(napi_env env, napi_value exports);

#endif
