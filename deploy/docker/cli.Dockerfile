# The command nightcrew: migrations, demonstration nights, and an operator's tools.
# Build from the root of the repository: docker buildx build -f deploy/docker/cli.Dockerfile -t nightcrew-cli .
ARG PYTHON=python:3.11.14-slim-bookworm

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore \
    PIP_CONSTRAINT=/src/constraints.txt PIP_BUILD_CONSTRAINT=/src/constraints.txt
WORKDIR /src
# No installer goes into the image.
RUN python -m venv --without-pip /opt/nightcrew
COPY constraints.txt ./
COPY shared shared
COPY services services
COPY cli cli
RUN --mount=type=cache,target=/root/.cache/pip \
    pip --python /opt/nightcrew/bin/python install ./shared ./services/calmanager ./services/ingest ./services/planner "./services/reducer[worker]" ./services/simulator ./cli

FROM ${PYTHON} AS image
ARG REVISION=unknown
LABEL org.opencontainers.image.title="nightcrew-cli" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="BSD-3-Clause"
ENV PATH=/opt/nightcrew/bin:$PATH HOME=/tmp LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 NIGHTCREW_REVISION=${REVISION}
# Any user may be given to the container, so the places for volumes are open to all: nobody else is in it.
RUN mkdir -p /data/raw /data/products /data/calibrations && chmod 1777 /data/raw /data/products /data/calibrations
COPY --from=build /opt/nightcrew /opt/nightcrew
COPY --chmod=0755 deploy/docker/probe /usr/local/bin/probe
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["nightcrew"]
CMD ["--help"]
