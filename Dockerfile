# Fanlight in a container. Node runs the sources as they are: only what npm brings is prepared, and the native fan-out engine.
# docs/deployment.md says how to run it.

FROM node:24-slim AS packages
WORKDIR /app
# The native fan-out engine is compiled when npm has installed; the compiler stays behind.
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
COPY package.json package-lock.json ./
COPY native ./native
# Without the development packages: among them is a Node of its own, which the image has already.
RUN npm ci --omit=dev --no-audit --no-fund

FROM node:24-slim
LABEL org.opencontainers.image.title="Fanlight" \
      org.opencontainers.image.description="An SFU media relay: one camera, any number of screens." \
      org.opencontainers.image.licenses="MIT"

# DATA_DIR lies outside of the program, so that everything else can be read-only.
ENV NODE_ENV=production \
    DATA_DIR=/data
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY --from=packages /app/native ./native
COPY package.json ./
COPY src ./src
COPY static ./static
COPY templates ./templates
COPY deploy/healthcheck.js ./deploy/

# A named volume takes over the owner of this folder when it is first used.
RUN install -d -o node -g node -m 0750 /data
VOLUME /data
USER node

# HTTP and WebSocket, HTTPS, media.
EXPOSE 8088/tcp 8443/tcp 8189/udp
# SIGTERM asks for a graceful stop; the exec form below makes it arrive.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "deploy/healthcheck.js"]
CMD ["node", "--disable-warning=ExperimentalWarning", "src/main.ts"]
