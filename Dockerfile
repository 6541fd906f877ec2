# The version is the one of package.json's devDependency "node", which the tests run on. Where Docker Hub is out of
# reach: --build-arg BASE=<the same image in your registry>.
ARG BASE=node:26.10.0-bookworm-slim

FROM ${BASE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No dependency needs its install script: better-sqlite3 brings its binaries, and Node is the image's own.
RUN npm ci --omit=dev --ignore-scripts

FROM ${BASE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build && chmod 755 dist/main.js

FROM ${BASE}
ARG REVISION=unknown
LABEL org.opencontainers.image.title="zombied" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${REVISION}"
# Node's young generation is 16 MiB and more by default: at 8 the daemon takes 60 MB less, and no more CPU.
ENV NODE_ENV=production \
    NODE_OPTIONS=--max-semi-space-size=8 \
    ZOMBIED_REVISION=${REVISION}
WORKDIR /app
# The link makes it `docker exec … zombied status`. /data is the only folder that is written to; its owner is a number
# that stands in no file, so that any runtime can check that it is not root.
RUN ln -s /app/dist/main.js /usr/local/bin/zombied \
    && install -d -o 65532 -g 65532 /data
COPY LICENSE package.json ./
COPY config/image.yaml /etc/zombied/zombied.yaml
COPY migrations migrations
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
USER 65532:65532
VOLUME /data
EXPOSE 4290
STOPSIGNAL SIGTERM
# Asks the daemon's own /-/healthy: Prefect being away must not have it restarted.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["zombied", "health"]
# No shell between: node becomes process 1 and gets the signals, and main.ts handles them.
ENTRYPOINT ["zombied"]
CMD ["run"]
