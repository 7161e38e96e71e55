# syntax=docker/dockerfile:1
# SPDX-License-Identifier: Apache-2.0
# One image for init, daemon, controller and the pre-delete Job. scripts/setup/build-rootfs makes the same without a registry.
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY package.json package-lock.json ./
# With dependencies of development: the native helper needs headers. The image gets none of them.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY scripts/setup/build-native scripts/setup/copy-app.ts scripts/setup/
COPY daemon/native daemon/native
RUN scripts/setup/build-native
COPY LICENSE ./
COPY api api
COPY init init
COPY daemon daemon
COPY controller controller
COPY uninstall uninstall
RUN node scripts/setup/copy-app.ts /app

FROM ${NODE_IMAGE}
RUN apt-get update \
  && apt-get install -y --no-install-recommends iptables ipset iproute2 nftables conntrack util-linux ca-certificates \
  && rm -rf /var/lib/apt/lists/* /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn*
COPY --from=build /app /app
# Node starts in a fifth of the time with what it has compiled before; kept by path and user.
ENV NODE_COMPILE_CACHE=/app/.compile-cache
# Compiled code is valid for the flags that it was compiled with: those of the chart.
RUN node /app/init/main.ts --help >/dev/null \
  && node --max-semi-space-size=2 --heap-growing-percent=40 --single-threaded-gc --no-allocation-site-pretenuring --expose-gc /app/daemon/main.ts --help >/dev/null
ENTRYPOINT ["node", "--max-semi-space-size=2", "--heap-growing-percent=40", "--single-threaded-gc", "--no-allocation-site-pretenuring", "--expose-gc", "/app/daemon/main.ts"]
