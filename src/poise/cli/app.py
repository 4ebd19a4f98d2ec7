"""The command with its verbs. Verbs import what they need when they run, so this comes up without torch."""

from importlib import import_module

from cyclopts import App, Parameter

from poise import __version__

NAMES = """
train resume
sample impute walk mix truncation
invert directions edit export adopt
translate tag
evaluate compare study diagnose report
recipes inspect games demo
"""
VERBS = [import_module(f"poise.cli.{name}") for name in NAMES.split()]

app = App(
    name="poise",
    help="Train generative adversarial networks on your own data; what goes wrong is named.",
    help_epilogue="\n".join(
        [
            "[bold]Begin with[/]",
            "  [cyan]poise demo[/]                watch a GAN learn handwritten digits, in minutes",
            "  [cyan]poise inspect my-photos[/]   what training would see in your own folder",
            "  [cyan]poise train my-photos[/]     train on it",
            "",
            "[bold]With every command[/]",
            "  [cyan]--use my_parts.py[/]         losses, networks and more of your own",
        ]
    ),
    help_format="rich",
    version=__version__,
    version_format="plaintext",
    default_parameter=Parameter(negative=()),
    suppress_keyboard_interrupt=False,
    exit_on_error=False,
    print_error=False,
    result_action="return_value",
)
for index, module in enumerate(VERBS):
    module.app.sort_key = index
    app.command(module.app)
