# Reduces frames.  Its kernels are compiled when the image is built, so that a container is ready in seconds.
# Build from the root of the repository: docker buildx build -f deploy/docker/reducer.Dockerfile -t nightcrew-reducer .
ARG PYTHON=python:3.11.14-slim-bookworm

# The processors that the kernels are compiled for: on others they would be compiled anew at every start.
# x86-64-v3 is every server since 2015; an older one needs --build-arg AMD64_CPU=x86-64-v2.
FROM ${PYTHON} AS python-amd64
ARG AMD64_CPU=x86-64-v3
ENV NUMBA_CPU_NAME=${AMD64_CPU} NUMBA_CPU_FEATURES=""

FROM ${PYTHON} AS python-arm64
ENV NUMBA_CPU_NAME=generic NUMBA_CPU_FEATURES=""

# hadolint ignore=DL3006
FROM python-${TARGETARCH:-amd64} AS build
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
    pip --python /opt/nightcrew/bin/python install ./shared "./services/reducer[worker]"
# A small night is reduced by a command line that stays behind, with the reducer that goes into the image.
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv /tmp/warm \
    && packages='import site; print(site.getsitepackages()[0])' \
    && /opt/nightcrew/bin/python -c "$packages" > "$(/tmp/warm/bin/python -c "$packages")/image.pth" \
    && /tmp/warm/bin/pip install \
        ./services/calmanager ./services/ingest ./services/planner ./services/simulator ./cli \
    && /tmp/warm/bin/nightcrew simulate niri /tmp/night --size 256 --frames 3 \
    && /tmp/warm/bin/nightcrew night /tmp/night --out /tmp/products \
    && /opt/nightcrew/bin/python -c "from nightcrew.reducer.worker.warming import warm_up; warm_up(2**30, 1)"

# hadolint ignore=DL3006
FROM python-${TARGETARCH:-amd64} AS image
ARG REVISION=unknown
LABEL org.opencontainers.image.title="nightcrew-reducer" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="BSD-3-Clause"
ENV PATH=/opt/nightcrew/bin:$PATH HOME=/tmp LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 NIGHTCREW_REVISION=${REVISION}
# Any user may be given to the container, so the places for volumes are open to all: nobody else is in it.
RUN mkdir -p /data/raw /data/products /data/calibrations \
    && chmod 1777 /data/raw /data/products /data/calibrations
COPY --from=build /opt/nightcrew /opt/nightcrew
COPY --chmod=0755 deploy/docker/probe /usr/local/bin/probe
USER 10001:10001
WORKDIR /tmp
EXPOSE 8120
ENTRYPOINT ["nightcrew-reducer"]
CMD ["--class", "realtime", "--concurrency", "1"]
