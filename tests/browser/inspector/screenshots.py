"""Make the pictures of the documentation: ``python -m tests.browser.inspector.screenshots``.

The key is that of RFC 8037 appendix A, and the time stands still, so the same Chromium makes the same pictures.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from flask_tokenauth.commands.inspector.page import make_page
from flask_tokenauth.core import Key
from flask_tokenauth.core.tokens import jws

from ..kit import PATIENCE, launch

FOLDER = Path(__file__).parents[3] / "docs" / "_static"
SIZE = {"width": 900, "height": 690}
NOW = 1_800_000_000
KEY = Key.from_jwk({
    "kty": "OKP",
    "crv": "Ed25519",
    "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    "kid": "2027-01",
})  # fmt: skip
CLAIMS = {
    "iss": "https://api.example.com",
    "sub": "alice",
    "aud": "https://api.example.com",
    "iat": NOW - 57,
    "exp": NOW + 843,
    "jti": "q1Jd0fXhO3mCw4Gk",
    "scope": "reports:read reports:write",
    "email": "alice@example.com",
}


def make_screenshots(folder: Path) -> None:
    """Write the top of the page and the table of claims into a folder, in light and dark."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # playwright may be missing

    token = jws.sign(json.dumps(CLAIMS).encode(), KEY, typ="at+jwt")
    with TemporaryDirectory() as temporary, sync_playwright() as playwright:
        path = Path(temporary) / "inspector.html"
        path.write_text(make_page(), encoding="utf-8")
        browser = launch(playwright, "--disable-lcd-text")
        for scheme in ("light", "dark"):
            page = browser.new_context(color_scheme=scheme, viewport=SIZE, timezone_id="Europe/Berlin").new_page()
            page.set_default_timeout(PATIENCE)
            page.clock.set_fixed_time(datetime.fromtimestamp(NOW, UTC))
            page.goto(path.as_uri())
            page.fill("#token", token)
            page.fill("#key", json.dumps(KEY.to_jwk()))
            page.wait_for_selector(".verified")
            page.evaluate("document.activeElement.blur()")
            page.screenshot(path=folder / f"inspector_{scheme}.png")
            page.get_by_role("region", name="Claims").screenshot(path=folder / f"inspector_claims_{scheme}.png")
        browser.close()


if __name__ == "__main__":
    make_screenshots(FOLDER)
