# syntax=docker/dockerfile:1
# SPDX-License-Identifier: Apache-2.0
# One image for init, daemon, controller and the pre-delete Job. scripts/setup/build-rootfs makes the same without a registry.
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY package.json package-lock.json ./
# node-api-headers is a dependency of development: the native helper is built before those go.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY scripts/setup/build-native scripts/setup/
COPY daemon/native daemon/native
RUN scripts/setup/build-native && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM ${NODE_IMAGE}
RUN apt-get update \
  && apt-get install -y --no-install-recommends iptables ipset iproute2 nftables conntrack util-linux ca-certificates \
  && rm -rf /var/lib/apt/lists/* /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn*
WORKDIR /app
COPY package.json LICENSE ./
COPY api api
COPY init init
COPY daemon daemon
COPY controller controller
COPY uninstall uninstall
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/daemon/native/build/leat_native.node daemon/native/build/leat_native.node
WORKDIR /
# Node starts in a fifth of the time with what it has compiled before; kept by path and user.
ENV NODE_COMPILE_CACHE=/app/.compile-cache
RUN node /app/init/main.ts --help >/dev/null && node /app/daemon/main.ts --help >/dev/null
ENTRYPOINT ["node", "/app/daemon/main.ts"]
