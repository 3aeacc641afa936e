# Everything a developer does here. `uv run just` lists it.

set positional-arguments

# The sans-I/O cores, every branch of which the suite must take.
pure := "wyld_rpc/frames.py,wyld_rpc/numbering.py,wyld_rpc/opening.py,wyld_gateway/telnet/**,wyld_gateway/terminal/**,wyld_gateway/websocket/protocol.py,wyld_world/areas/**,wyld_world/commands/**,wyld_world/model/**,wyld/bench/arena.py,wyld/bench/ledger.py,wyld/bench/wires.py"
not_pure := "wyld_gateway/telnet/adapter.py"

[private]
default:
    @{{just_executable()}} --list --unsorted

# Play: PostgreSQL, the world and the gateway in this terminal
play *arguments:
    uv run wyld up "$@"

# The checks, then the whole suite with coverage (what CI runs)
test: check
    rm -f .coverage .coverage.*
    uv run pytest -n 2 --dist worksteal -m "not long" --cov --cov-report=
    uv run coverage report
    uv run coverage report --include="{{pure}}" --omit="{{not_pure}}" --fail-under=100

# The tests that take long
test-long:
    uv run pytest -m long

# How fast telnet is, beside another library, into docs/performance.md
bench:
    uv run benchmarks/bench_telnet.py --write

# Hostile bytes against the telnet codec, guided by coverage, for five minutes or as told (`just fuzz -max_total_time=3600`)
fuzz *options:
    mkdir -p fuzz/corpus
    uv run --group fuzz fuzz/fuzz_telnet.py -max_total_time=300 -max_len=1024 -dict=fuzz/telnet.dict -artifact_prefix=fuzz/ fuzz/corpus "$@"

# Format, lint, types, who may import whom, the Dockerfile
check:
    uv run ruff format --check
    uv run ruff check
    uv run mypy
    uv run lint-imports --no-logo
    uv run hadolint Dockerfile

# Put the code into its form
format:
    uv run ruff format
    uv run ruff check --fix

# Pin the newest versions that fit together; run the tests afterwards
lock:
    uv run --no-project tools/pin_versions.py
    uv sync

# Build the container images
build: secrets
    docker compose build

# Start the containers
up: secrets
    docker compose up --detach --wait

# Stop the containers; the data stays
down:
    docker compose down

# Follow the log of the containers
logs:
    docker compose logs --follow

# Stop the containers and delete their data, and what tools left here
clean:
    rm -rf .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache dist
    docker compose down --volumes

# The containers' passwords: made once, readable by the containers' user, never committed
[private]
secrets:
    tools/make_secrets.sh
