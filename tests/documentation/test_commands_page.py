"""docs/commands.rst has every command with every option, and what the doctor finds by which limits."""

import re

import click
import pytest

from flask_tokenauth.__main__ import main
from flask_tokenauth.commands import api_keys, key_findings, setting_findings, store_findings
from flask_tokenauth.commands.group import CommandGroup
from flask_tokenauth.commands.keys.group import keys_of_application

from .reading import read_page

PAGE = read_page("commands")
GROUP = CommandGroup("tokenauth")
GROUP.list_commands(click.Context(GROUP))
COMMANDS = list(GROUP.commands.values())
SECTIONS = dict(re.findall(r"^\.\. _([\w-]+):\n\n((?:(?!\.\. _).*\n)+)", PAGE, re.MULTILINE))


def test_the_page_has_every_command_and_no_other() -> None:
    assert SECTIONS.keys() == {*main.commands, *(str(command.name) for command in COMMANDS)}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command.name))
def test_a_section_has_the_options_of_its_command_and_no_other(command: click.Command) -> None:
    described = re.findall(r"^``(--[\w-]+)``$", SECTIONS[str(command.name)], re.MULTILINE)
    options = [name for each in command.params if isinstance(each, click.Option) for name in each.opts]

    assert sorted(described) == sorted(options)


@pytest.mark.parametrize("command", keys_of_application.commands.values(), ids=lambda command: str(command.name))
def test_the_page_about_rotation_has_the_options_of_each_command(command: click.Command) -> None:
    described = re.findall(rf"``keys {command.name}\b([^`]*)``((?: .*\n)+)", read_page("key_rotation"))
    words = " ".join(" ".join(each) for each in described)
    options = [name for each in command.params if isinstance(each, click.Option) for name in each.opts]

    assert set(re.findall(r"--[\w-]+", words)) == set(options)


@pytest.mark.parametrize("command", api_keys.api_keys.commands.values(), ids=lambda command: str(command.name))
def test_the_section_about_api_keys_has_the_options_of_each_command(command: click.Command) -> None:
    [words] = re.findall(rf"^``api-keys {command.name} \w+``\n((?: .*\n)+)", SECTIONS["api-keys"], re.MULTILINE)
    options = [name for each in command.params if isinstance(each, click.Option) for name in each.opts]

    assert set(re.findall(r"--[\w-]+", words)) == {name for name in options if name.startswith("--")}


def test_the_limits_of_the_doctor_are_those_of_the_code() -> None:
    section = " ".join(SECTIONS["doctor"].split())

    assert f"live more than {setting_findings.LONG_ACCESS.total_seconds() / 3600:g} hour," in section
    assert f"may live more than {setting_findings.LONG_MAX.total_seconds() / 3600:g} hours" in section
    assert f"leeway of more than {setting_findings.LONG_LEEWAY.total_seconds() / 60:g} minute;" in section
    assert f"interval of more than {store_findings.LONG_INTERVAL.total_seconds():g} seconds" in section
    assert f"staleness of more than {store_findings.LONG_STALENESS.total_seconds() / 60:g} minutes" in section
    assert f"more than {store_findings.MANY_REVOKED:,} revocations" in section
    assert f"signs for more than {key_findings.LONG_USE.days} days" in section
