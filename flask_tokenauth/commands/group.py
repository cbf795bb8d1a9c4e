"""The group ``flask tokenauth``. Its commands are imported when they are used: a worker never uses them."""

import click


class CommandGroup(click.Group):
    """Imports the commands at the first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._import_commands()
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        self._import_commands()
        return super().get_command(ctx, cmd_name)

    def _import_commands(self) -> None:
        from .api_keys import api_keys  # noqa: PLC0415  # see above
        from .doctor import doctor  # noqa: PLC0415
        from .init_db import init_db  # noqa: PLC0415
        from .inspector.command import inspector  # noqa: PLC0415
        from .keys.group import keys_of_application  # noqa: PLC0415
        from .routes import routes  # noqa: PLC0415
        from .sessions import purge, revoke, sessions  # noqa: PLC0415
        from .size import size  # noqa: PLC0415
        from .tokens import inspect, token  # noqa: PLC0415

        ours = (api_keys, doctor, init_db, inspect, inspector, keys_of_application)
        for command in (*ours, purge, revoke, routes, sessions, size, token):
            self.commands.setdefault(str(command.name), command)  # the application may have its own of that name
