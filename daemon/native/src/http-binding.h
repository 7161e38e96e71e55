// SPDX-License-Identifier: Apache-2.0
#ifndef LEAT_HTTP_BINDING_H
#define LEAT_HTTP_BINDING_H

#include <node_api.h>
#include <stdbool.h>

/* Adds the functions of the HTTP engine to the module; daemon/native/http-engine.ts describes them. */
bool register_http_functions(napi_env env, napi_value exports);

#endif
