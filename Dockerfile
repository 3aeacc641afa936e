# One image for both processes: `wyld world` and `wyld gateway`. The database comes from elsewhere (compose.yaml).

FROM python:3.13-slim-trixie AS build
WORKDIR /src
RUN pip install --no-cache-dir uv==0.13.9
# Everything that the wheel is made of, and the pinned versions of what it needs.
COPY pyproject.toml README.md LICENSE schema.sql ./
COPY wyld_rpc ./wyld_rpc
COPY wyld_service ./wyld_service
COPY wyld_gateway ./wyld_gateway
COPY wyld_world ./wyld_world
COPY wyld ./wyld
ENV UV_PROJECT_ENVIRONMENT=/app UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy
RUN uv sync --no-dev --no-editable --compile-bytecode --no-cache

FROM python:3.13-slim-trixie
# A fixed number, so that the mode of a mounted secret can be chosen for it.
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin wyld
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
# The metrics port answers only inside the container.
HEALTHCHECK --interval=5s --timeout=3s --start-period=15s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9464/healthz', timeout=2)"]
ENTRYPOINT ["wyld"]
CMD ["--help"]
