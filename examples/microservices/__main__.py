"""Starts the issuer and the three services, and ends them together."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import click

SERVICES = ("reports", "orders", "shipping")
PACKAGE = "examples.microservices"


@click.command()
@click.option(
    "--port", type=int, default=5000, show_default=True, help="Of the issuer. The services have the next three."
)
@click.option("--keys", "path", type=click.Path(path_type=Path), default="instance/keys.json", show_default=True)
def main(*, port: int, path: Path) -> None:
    """Start an issuer and three services that believe its tokens."""
    check_free(range(port, port + 1 + len(SERVICES)))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        subprocess.run([sys.executable, "-m", "flask_tokenauth", "keys", "--file", path, "generate"], check=True)
    issuer = f"http://127.0.0.1:{port}"
    urls = {name: f"http://127.0.0.1:{port + number}" for number, name in enumerate(SERVICES, 1)}
    environ = os.environ | {
        "FLASK_TOKENAUTH_ISSUER": issuer,
        "FLASK_TOKENAUTH_KEYS": str(path),
        "FLASK_SERVICES": json.dumps(urls),
    }
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # as Ctrl-C, so that the others end too
    processes = [run("issuer", port, environ)]
    try:
        wait_for(issuer)
        for number, name in enumerate(SERVICES, 1):
            processes.append(run(f"services:create_service('{name}')", port + number, environ))
            wait_for(urls[name])
        click.echo("All four are ready.")
        processes[0].wait()
    finally:
        for process in processes:
            process.terminate()
            process.wait()


def check_free(ports: range) -> None:
    """Check that no other program answers at these ports: its answers would look like those of the example."""
    for port in ports:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                raise click.ClickException(
                    f"port {port} must be free, but another program has it: choose four free ports in a row with --port"
                )


def run(name: str, port: int, environ: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start one of the programs."""
    command = [sys.executable, "-m", "flask", "--app", f"{PACKAGE}.{name}", "run", "--port", str(port)]
    return subprocess.Popen(command, env=environ)


def wait_for(url: str) -> None:
    """Wait until a program answers, for 30 seconds at most."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            urlopen(url, timeout=5)  # on loopback
        except HTTPError:  # it has no view at this URL, but answers
            return
        except OSError:
            time.sleep(0.1)
    raise click.ClickException(f"{url} does not answer: look at the lines above")


if __name__ == "__main__":
    main()
