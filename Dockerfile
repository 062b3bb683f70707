# Bases by digest of their image index, for all platforms: Node 24.21.0 on Debian 12. To refresh both:
#   docker buildx imagetools inspect node:24-bookworm       # prints "Digest: sha256:..."
#   docker buildx imagetools inspect node:24-bookworm-slim

# Build. This base has a compiler, which only dependencies without a binary for the platform need.
FROM node:24-bookworm@sha256:64af3819f9275802414d7cdc38c27e9d82bd564dec4d4da87d008255d36c63b4 AS build
WORKDIR /zeef
# What is compiled uses Node's headers in the base; none are downloaded.
ENV npm_package_config_node_gyp_nodedir=/usr/local
COPY package.json package-lock.json .npmrc ./
COPY scripts/check-install.mjs scripts/
RUN npm ci --no-audit --no-fund
COPY . .
# The runtime needs the compiled addons, not their object files, and reads everything as a user that owns nothing.
RUN npm run build \
  && npm prune --omit=dev --no-audit --no-fund \
  && rm -rf node_modules/*/build/Release/obj* node_modules/*/build/Release/.deps \
  && chmod -R a+rX dist hashlists node_modules LICENSE package.json

# Run: no compiler, no sources, no root.
FROM node:24-bookworm-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6
RUN apt-get update \
  && apt-get install -y --no-install-recommends libjemalloc2 \
  && rm -rf /var/lib/apt/lists/* \
  && install -d -m 0700 -o node -g node /data
# jemalloc, because sharp fragments memory under glibc's allocator. The decoder process inherits LD_PRELOAD.
ENV NODE_ENV=production LD_PRELOAD=libjemalloc.so.2 ZEEF_HOST=0.0.0.0 ZEEF_DATA_DIR=/data
WORKDIR /zeef
COPY --from=build /zeef/package.json /zeef/LICENSE ./
COPY --from=build /zeef/node_modules node_modules
COPY --from=build /zeef/hashlists hashlists
COPY --from=build /zeef/dist dist
USER node
VOLUME /data
EXPOSE 8080
# Asks the port of ZEEF_PORT or of the configuration file.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["node", "dist/src/healthcheck.js"]
# Zeef refuses to listen on 0.0.0.0 without a key. Create one in the same /data first: docs/operations.md, "Container".
# Fewer and longer collections of garbage: the slowest answers take a third less.
ENTRYPOINT ["node", "--initial-old-space-size=256", "dist/src/main.js"]
CMD ["serve"]
