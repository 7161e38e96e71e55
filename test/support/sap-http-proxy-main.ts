// SPDX-License-Identifier: Apache-2.0
import { emit, readConfiguration, serve } from './node-server.ts';
import type { SapHttpProxyConfiguration } from './sap-http-proxy.ts';
import { createSapHttpProxy } from './sap-http-proxy-server.ts';

const configuration = readConfiguration<SapHttpProxyConfiguration>();
serve(createSapHttpProxy(configuration, emit), configuration);
