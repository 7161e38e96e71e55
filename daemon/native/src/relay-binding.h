// SPDX-License-Identifier: Apache-2.0
#ifndef LEAT_RELAY_BINDING_H
#define LEAT_RELAY_BINDING_H

#include <node_api.h>
#include <stdbool.h>

/* Adds the functions of the relay engine to the module; daemon/native/relay-engine.ts describes them. */
bool register_relay_functions(napi_env env, napi_value exports);

#endif
