# Build: needs a C++ toolchain for better-sqlite3 (and hnswlib-node, which may fail without harm).
FROM node:22-bookworm AS build
WORKDIR /zeef
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev

# Run: no compiler, no sources, no root.
FROM node:22-bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends libjemalloc2 && rm -rf /var/lib/apt/lists/*
# sharp fragments memory under glibc's allocator.
ENV NODE_ENV=production LD_PRELOAD=libjemalloc.so.2 ZEEF_HOST=0.0.0.0 ZEEF_DATA_DIR=/data
WORKDIR /zeef
COPY --from=build --chown=root:root /zeef/package.json /zeef/LICENSE ./
COPY --from=build --chown=root:root /zeef/node_modules node_modules
COPY --from=build --chown=root:root /zeef/dist dist
COPY --from=build --chown=root:root /zeef/hashlists hashlists
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["node", "-e", "fetch('http://127.0.0.1:8080/livez').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# It refuses to listen on 0.0.0.0 without a key: docker run ... keys create --tenant NAME, with the same /data, first.
ENTRYPOINT ["node", "dist/src/main.js"]
CMD ["serve"]
