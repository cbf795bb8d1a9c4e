"""The checks of this project as sessions of nox: ``nox --list`` shows them, CONTRIBUTING.rst explains them."""

import configparser
import os
import shutil
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.reuse_existing_virtualenvs = True
nox.options.default_venv_backend = "uv|virtualenv"  # uv installs faster, if it is there
nox.options.sessions = ["lint", "types", "tests"]

PYTHONS = ["3.11", "3.12", "3.13"]
ALL_TESTS = ("-m", "")  # the slow ones too, which `pytest` alone leaves out
COVERED = ("-m", "not uncovered")
OF_EACH_PYTHON = ("-m", "not once")
OF_MIDDLE_PYTHON = ("-m", "not slow or uncovered")
MORE_PROCESSES = f"--numprocesses={(os.cpu_count() or 1) * 3 // 2}"  # than cores: many slow tests wait for servers
OF_LOWEST_VERSIONS = ("-m", "not once or dependencies")
OF_FILES = (  # tests that read files of the distribution: pages, examples, source code, vectors, data
    "docs",
    "tests/commands",
    "tests/core/tokens/test_attacks.py",
    "tests/core/tokens/test_jwe_vectors.py",
    "tests/core/tokens/test_unverified.py",
    "tests/core/tokens/test_vectors.py",
    "tests/core/trusted_issuers",
    "tests/documentation",
    "tests/examples",
    "tests/stores/sql/test_upgrades.py",
    "tests/style",
)
DIST = Path("dist")


def find_test(name: str) -> str:
    """Return the path of the one file below ``tests`` that has this name."""
    [path] = Path("tests").rglob(name)
    return str(path)


def make_environment(session: nox.Session, folder: Path, *requirements: str) -> Path:
    """Make a virtual environment unless it is there, install into it, and return the folder of its programs.

    ``uv`` does it faster than ``pip``, if it is there.
    """
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    python = str(programs / "python")
    has_uv = shutil.which("uv") is not None
    make = ["uv", "venv", "--quiet", "--python", sys.executable] if has_uv else [sys.executable, "-m", "venv"]
    install = ["uv", "pip", "install", "--python", python] if has_uv else [python, "-m", "pip", "install"]
    if not programs.exists():
        session.run(*make, str(folder), external=True)
    session.run(*install, "--quiet", *requirements, external=True)
    return programs


def clean_folder(session: nox.Session) -> Path:
    """Return an empty temporary folder of this session."""
    folder = Path(session.create_tmp()).resolve()
    shutil.rmtree(folder)
    folder.mkdir()
    return folder


def share_environment(session: nox.Session) -> Path:
    """Return the programs of an environment that several sessions share, since it takes long to install."""
    folder = session.cache_dir.resolve() / f"shared-{sys.version_info.major}.{sys.version_info.minor}"
    return make_environment(session, folder, "--editable", ".[engines,lint,test]")


@nox.session
def lint(session: nox.Session) -> None:
    """Run the hooks of pre-commit over all files, and count the phrases that this project avoids."""
    session.install("pre-commit", "click")
    session.run("pre-commit", "run", "--all-files", "--show-diff-on-failure")
    session.run("python", "-m", "tests.style.plain_english")


@nox.session(venv_backend="none")
def types(session: nox.Session) -> None:
    """Check types: all of them with mypy, the public names with pyright, which needs Node.js."""
    if shutil.which("npx") is None:
        session.error("pyright needs npx: install Node.js")
    programs = share_environment(session)
    session.run(str(programs / "mypy"))
    session.run("npx", "--yes", "pyright", "--pythonpath", str(programs / "python"), "tests/typing")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests that may depend on the version of Python, or those that you name after ``--``.

    A version between two others runs the fast ones, and those that would take too long with coverage. The other slow
    ones take several minutes, and run on both sides.
    """
    session.install("--editable", ".[engines,test]")
    is_outer = session.python in (PYTHONS[0], PYTHONS[-1])
    session.run("pytest", "-q", *(session.posargs or (OF_EACH_PYTHON if is_outer else OF_MIDDLE_PYTHON)))


@nox.session(default=False, python=PYTHONS[-1])
def coverage(session: nox.Session) -> None:
    """Run the tests on the newest Python, and fail if a branch of the package or of the tests did not run.

    Those that another session runs without coverage are left out: further cells of exhaustive matrices.
    """
    session.install("--editable", ".[engines,lint,test]")
    session.run("pytest", "-q", *COVERED, MORE_PROCESSES, "--cov", "--cov-report=term-missing:skip-covered")


@nox.session(default=False, python=PYTHONS[0])
def lowest(session: nox.Session) -> None:
    """Run the tests with the lowest version of each dependency that setup.cfg allows, on the lowest Python.

    These are the tests that may depend on the version of Python, and those that depend on other versions: of drivers,
    servers and frameworks.
    """
    config = configparser.ConfigParser()
    config.read("setup.cfg")
    extras = config["options.extras_require"]
    bounds = config["options"]["install_requires"] + extras["test"] + extras["engines"]
    # Not in create_tmp(), which sets TMPDIR: Flask would keep databases of tests in the environment.
    requirements = session.cache_dir / "lowest.txt"
    requirements.write_text(bounds.replace(">=", "=="))
    session.install("--requirement", str(requirements), "--editable", ".")
    session.run("pytest", "-q", *OF_LOWEST_VERSIONS, MORE_PROCESSES)


@nox.session(default=False, venv_backend="none")
def vectors(session: nox.Session) -> None:
    """Run the public test vectors; fail if one was skipped. ``TOKENAUTH_VECTORS`` names their folder."""
    if not os.environ.get("TOKENAUTH_VECTORS"):
        session.skip("TOKENAUTH_VECTORS names no folder")
    pytest = str(share_environment(session) / "pytest")
    files = [find_test(name) for name in ("test_vectors.py", "test_jwe_vectors.py")]
    output = session.run(pytest, "-q", "-rs", *ALL_TESTS, *files, silent=True)
    session.log(output)
    if "skipped" in str(output):
        session.error("a test of the vectors was skipped")


@nox.session(default=False, venv_backend="none")
def differential(session: nox.Session) -> None:
    """Compare 10 000 tokens with PyJWT and joserfc, and 3 333 encrypted ones with joserfc and jwcrypto."""
    pytest = str(share_environment(session) / "pytest")
    env = {"HYPOTHESIS_PROFILE": "thorough"}
    files = [find_test(name) for name in ("test_differential.py", "test_jwe_differential.py")]
    session.run(pytest, "-q", *ALL_TESTS, *files, env=env)


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Fuzz the core for two minutes."""
    session.install("--editable", ".[fuzz,jwe]")
    with (Path(session.create_tmp()) / "fuzz.log").open("w+") as log:
        try:
            command = ("timeout", "600", "python", find_test("fuzz_core.py"), "-max_total_time=120")
            session.run(*command, stdout=log, stderr=log, external=True)
        finally:
            log.seek(0)
            session.log("".join(log.readlines()[-30:]))


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning is a failure. Graphviz draws its diagrams."""
    session.install("--editable", ".[docs]")
    session.run("sphinx-build", "-W", "-n", "-b", "html", "docs", "docs/_build/html")


@nox.session(default=False)
def browser(session: nox.Session) -> None:
    """Use pages in Debian's Chromium, and the cookies in Firefox too; fail without them. npm installs axe-core."""
    if shutil.which("npm") is None:
        session.error("the rules for accessible pages need npm: install Node.js 20 or newer")
    session.install("--editable", ".[browser,test]")
    with session.chdir("tests/browser"):
        session.run("npm", "ci", "--no-audit", "--no-fund", external=True)
    session.run("pytest", "-q", *ALL_TESTS, "--numprocesses=0", "tests/browser", env={"TOKENAUTH_BROWSER": "1"})


@nox.session(default=False)
def interop(session: nox.Session) -> None:
    """Let foreign clients use tokens, keys and endpoints, and accept tokens of foreign issuers; fail without them."""
    if shutil.which("npm") is None:
        session.error("the clients need npm: install Node.js 20 or newer")
    session.install("--editable", ".[interop,test]")
    with session.chdir("tests/interop"):
        session.run("npm", "ci", "--no-audit", "--no-fund", external=True)
    session.run("pytest", "-q", *ALL_TESTS, "--numprocesses=0", "tests/interop", env={"TOKENAUTH_INTEROP": "1"})


@nox.session(default=False)
def package(session: nox.Session) -> None:
    """Build the sdist, and the wheel from it; compare the sdist with git, and check what PyPI would show."""
    session.install("build", "check-manifest", "twine")
    session.run("check-manifest")
    shutil.rmtree(DIST, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(DIST), silent=True)
    session.run("twine", "check", "--strict", *map(str, DIST.iterdir()))


@nox.session(default=False, requires=["package"], venv_backend="none")
def wheel(session: nox.Session) -> None:
    """Install the wheel alone, import it without a warning, and run its command."""
    folder = clean_folder(session)
    [archive] = DIST.resolve().glob("*.whl")
    python = str(make_environment(session, folder / "env", str(archive)) / "python")
    with session.chdir(folder):
        program = "import flask_tokenauth as p, flask_tokenauth.testing; print(p.__file__)"
        session.run(python, "-W", "error", "-c", program)
        session.run(python, "-m", "flask_tokenauth", "secret", silent=True)
        session.run(python, "-m", "flask_tokenauth", "inspector", silent=True)
        find_marker = "from importlib.resources import files; (files('flask_tokenauth') / 'py.typed').read_bytes()"
        session.run(python, "-c", find_marker)


@nox.session(default=False, requires=["package"], venv_backend="none")
def sdist(session: nox.Session) -> None:
    """Unpack the sdist, install it with its extra ``test``, and run the tests that read its files, or those you name.

    The session ``package`` shows that the sdist has every file that git has, and other sessions run all tests on these
    files. So the other tests would only run again.
    """
    folder = clean_folder(session)
    [archive] = DIST.glob("*.tar.gz")
    shutil.unpack_archive(archive, folder)
    unpacked = folder / archive.name.removesuffix(".tar.gz")
    programs = make_environment(session, folder / "env", f"{unpacked}[test]")
    with session.chdir(unpacked):
        session.run(str(programs / "pytest"), "-q", *(session.posargs or OF_FILES))


@nox.session(default=False)
def benchmarks(session: nox.Session) -> None:
    """Show that the benchmarks run: the numbers of so short a run mean nothing."""
    session.install(".[bench]")
    chart = Path(session.create_tmp()) / "chart.svg"
    chart.unlink(missing_ok=True)
    session.run("python", "-m", "benchmarks", "--quick", "--plot", str(chart))
    if not chart.stat().st_size:
        session.error("the chart is empty")
