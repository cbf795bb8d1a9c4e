"""Every block of every page is run: ``pytest docs``, or ``pytest docs/caller.rst`` for one page.

A page is one test. Its blocks run from top to bottom in a temporary folder, and all its Python is one module, which is
called ``reporting``: ``from reporting import app`` works in a block, ``flask --app reporting`` in a session.
``FLASK_SECRET_KEY`` is set. The languages:

``python``
    is run. ``:caption: shop/models.py`` under the directive saves the block to that file and imports it instead, so
    that later blocks write ``from shop.models import …``; tests (``test_….py``, ``conftest.py``) are saved only.
``pycon``
    is a session of Python's prompt, compared with what it prints.
``console``
    ``$ curl …`` goes to ``app`` of the page, ``$ flask --app NAME …`` runs a command of an application; ``python``,
    ``pytest``, pipes, ``NAME=…``, ``export NAME=$(…)`` and ``> file`` work. What a command prints has to be what the
    page shows under it; ``…`` stands for any part of a line and, on a line of its own, for any lines.
    ``$ flask --app NAME run &`` makes the application of that name the one that ``curl`` asks.
``sh``, ``json``, ``javascript``, ``ini``, ``toml``
    are parsed. ``sh`` is for what no test can run: installations, servers, databases.
``text``, ``nginx``, ``apache``, ``html``, ``jinja``, ``http``, ``sql``
    are taken as they are.

To hide set-up or assertions from readers, write them into a comment, indented like a block::

    .. invisible-code-block: python

        app.testing = True
        assert app.test_client().get("/me").status_code == 401

``.. invisible-code-block: console`` hides a session in the same way. There is no way to skip a block.
"""

from pathlib import Path

import pytest

from tests.documentation.pages.collecting import PageFile


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> PageFile | None:
    return PageFile.from_parent(parent, path=file_path) if file_path.suffix == ".rst" else None
