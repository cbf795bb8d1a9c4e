"""How Sphinx builds the documentation: ``sphinx-build -W -n -b html docs docs/_build/html``."""

import re
from importlib.metadata import version as version_of
from typing import Any

from docutils.nodes import Element
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.ext.napoleon.docstring import GoogleDocstring

project = "Flask-TokenAuth"
author = "The Flask-TokenAuth maintainers"
project_copyright = author
version = release = version_of("flask-tokenauth-jwt")

extensions = ["sphinx.ext.autodoc", "sphinx.ext.graphviz", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["_build"]
nitpicky = True
# Names of other packages have no page here, and the build fetches no inventories.
nitpick_ignore_regex = [
    ("py:.*", r"(blinker|collections\.abc|contextlib|datetime|flask|jwt|sqlalchemy|uuid)\..*"),
    ("py:class", "(AbstractContextManager|Flask|Time|datetime)"),  # the same in signatures of overloads
    # Type variables, and types that applications do not import.
    ("py:class", r"flask_tokenauth\.[\w.]+\.([A-Z]|Delegation|Mac|NewReference|OtherIssuers|UserLoader)"),
    ("py:.*", r"(.*\.)?(InvalidSignature|MalformedToken|VerifiedJws|check_secret)"),  # of the core, on no page
]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False

graphviz_output_format = "svg"

html_theme = "furo"
html_title = "Flask-TokenAuth"
html_static_path = ["_static"]
html_css_files = ["diagrams.css"]
html_copy_source = False
copybutton_prompt_text = "$ "
copybutton_line_continuation_character = "\\"


def setup(app: Sphinx) -> None:
    """Connect what follows; called by Sphinx."""
    app.connect("autodoc-process-docstring", hide_colons, priority=400)  # napoleon has 500
    app.connect("autodoc-process-docstring", show_colons, priority=600)
    app.connect("autodoc-process-signature", write_factories)
    app.connect("missing-reference", find_public_name)


def write_factories(*event: Any) -> tuple[str | None, str | None]:
    """Write "..." where a dataclass makes a default: Sphinx cannot parse the "<factory>" of its signature."""
    *_, signature, returned = event
    return signature and signature.replace("<factory>", "..."), returned


_COLON = "\N{MODIFIER LETTER COLON}"  # looks like a colon; napoleon does not take it for one


def hide_colons(*event: Any) -> None:
    """Keep napoleon from reading words before a colon as a type: in this project, types stand in signatures alone.

    It does so in sections like ``Returns:`` and at the beginning of the docstring of an attribute, whose sections it
    would not read at all.
    """
    app, what, name, obj, options, lines = event
    for number, line in enumerate(lines[:-1]):
        if line.strip() in ("Returns:", "Yields:"):
            lines[number + 1] = _hide(lines[number + 1])
    if what in ("attribute", "data", "property") and lines:
        lines[:] = GoogleDocstring(lines, app.config, app, "method", name, obj, options).lines()
        lines[0] = _hide(lines[0])


def _hide(line: str) -> str:
    return re.sub(r"(?<!:):(?![:\w])", _COLON, line)


def show_colons(*event: Any) -> None:
    """Put the colons back."""
    *_, lines = event
    lines[:] = [line.replace(_COLON, ":") for line in lines]


def find_public_name(app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: Element) -> Element | None:
    """Resolve a name of this package to the place where users import it from, if just one place is documented."""
    if node.get("refdomain") != "py":
        return None
    domain, wanted = env.domains.python_domain, node["reftarget"].rpartition(".")[2]
    found = [name for name in domain.objects if name.rpartition(".")[2] == wanted]
    if len(found) != 1 or node["reftarget"] == found[0]:
        return None
    node["reftarget"] = found[0]
    return domain.resolve_xref(env, node["refdoc"], app.builder, node["reftype"], found[0], node, contnode)
