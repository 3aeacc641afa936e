"""compose.yaml, as far as it can be checked without an engine. The Dockerfile is hadolint's (`just check`)."""

import json
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

ROOT = Path(__file__).parent.parent.parent


def test_compose_file_is_understood_and_starts_in_order_of_health() -> None:
    docker = shutil.which("docker")
    if (
        docker is None
        or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode
    ):
        pytest.skip("there is no `docker compose` here")

    config = subprocess.run(
        [docker, "compose", "config", "--format", "json"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )

    services = json.loads(config.stdout)["services"]
    assert set(services) == {"postgres", "world", "gateway"}
    assert services["world"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert services["gateway"]["depends_on"]["world"]["condition"] == "service_healthy"
    assert "ports" not in services["postgres"]
    assert "ports" not in services["world"]


def test_secrets_are_made_once(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    script = shutil.copy(ROOT / "tools" / "make_secrets.sh", tmp_path / "tools")

    contents = []
    for _ in range(2):
        subprocess.run([script], check=True)
        contents.append({path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()})

    assert contents[0] == contents[1]
    assert set(contents[0]) == {"link_key", "postgres_password", "store_url"}
    assert len(contents[0]["link_key"]) == 64
    assert contents[0]["store_url"] == f"postgresql://wyld:{contents[0]['postgres_password']}@postgres/wyld"
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
