# The gateway as an image: Node, the program and its packages, and nothing else: no shell, no package manager.
#
#   docker build -t docker-faas .
#
# BASE_IMAGE is what it is built on and takes Node 26 from. Where no registry can be reached, name an image of your own,
# and give `dist` and `node_modules` in the context: see docs/container.md.
ARG BASE_IMAGE=node:26-slim

FROM ${BASE_IMAGE} AS build
WORKDIR /src
COPY . .
ARG REVISION=
RUN ["node", "hack/gateway-image/root.ts", "/out"]
WORKDIR /empty

FROM scratch
ARG VERSION=3.0.0
ARG REVISION=
LABEL org.opencontainers.image.title="Docker FaaS" \
      org.opencontainers.image.description="OpenFaaS functions on plain Docker, kept running by a reconcile loop" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /out/ /
# The database and the keys; a new volume takes its owner from here.
COPY --from=build --chown=65532:65532 /empty/ /data/
# The socket of `docker-faas socket-proxy`; the group may go in.
COPY --from=build --chown=0:65532 /empty/ /run/docker-faas/
ENV PATH=/bin NODE_ENV=production STATE_DB_PATH=/data/docker-faas.db
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD ["/bin/docker-faas", "health"]
ENTRYPOINT ["/bin/docker-faas"]
CMD ["serve"]
