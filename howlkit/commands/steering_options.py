"""The options of `howlkit sample` for what may sound: a key, a range, instruments, chords ...

They are handed on as one value, `Wishes`, and checked where they are given.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

import click
from click.shell_completion import CompletionItem

from howlkit.commands.component_names import names_option
from howlkit.commands.parsed import Checked
from howlkit.commands.shared_options import FiniteRange

__all__ = ["sampler_flags", "steering_options", "with_flags"]

Command = TypeVar("Command", bound=Callable[..., Any])


class Default(Checked):
    """The name of a default constraint, or all."""

    def __init__(self) -> None:
        super().__init__("NAME", _without)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the names that begin with `incomplete`."""
        from howlkit.sampling.wishes import ALL, DEFAULTS

        return [CompletionItem(n) for n in (*DEFAULTS, ALL) if n.startswith(incomplete)]


def _without(text: str) -> object:
    from howlkit.sampling.wishes import without_of

    return without_of(text)


def _key(text: str) -> object:
    from howlkit.music.keys import Key

    return None if text.strip().lower() == "auto" else Key.of(text)


def _range(text: str) -> object:
    from howlkit.sampling.wishes import range_of

    return range_of(text)


def _instruments(text: str) -> object:
    from howlkit.sampling.wishes import instruments_of

    return instruments_of(text)


def _density(text: str) -> object:
    from howlkit.sampling.wishes import density_of

    return density_of(text)


def _chords(text: str) -> object:
    from howlkit.music.chords import Progression

    return Progression.of(text)


OPTIONS = (
    click.option(
        "--key",
        type=Checked("KEY", _key),
        help='Only notes of this key or scale: "D minor", "F# dorian", "A minor pentatonic", '
        '"C D E G A"; auto: the key of the prompt.',
    ),
    click.option(
        "--range",
        type=Checked("LOW-HIGH", _range),
        help="Only pitches from LOW to HIGH, such as 48-84 or C3-C6; 60, or C4, is middle C.",
    ),
    click.option(
        "--instruments",
        type=Checked("NAME[,NAME...]", _instruments),
        help='Only these instruments, by their General MIDI names or numbers: "violin,cello"; also '
        "groups of them, such as piano, strings and drums.",
    ),
    click.option(
        "--max-polyphony",
        type=click.IntRange(1, 1000),
        help="At most so many notes sound at once.",
    ),
    click.option(
        "--density",
        type=Checked("RATE[/beat|/second]", _density),
        help="About so many notes begin in a beat or a second: 4 or 4/beat, 6/second.",
    ),
    click.option(
        "--chords",
        type=Checked("CHORDS", _chords),
        help='The chords of the music, again and again: "Dm | Gm | A7 | Dm", one a bar, or with '
        'beats "Dm:2 Gm:2 | A7:4". Other notes are forbidden on strong beats, and unlikely '
        "elsewhere.",
    ),
    names_option(
        "--constraint",
        "constraint",
        "Another constraint on the notes, by its name; may be repeated. `howlkit plugins list` "
        "names them, and -o NAME.OPTION=VALUE sets its options.",
    ),
    click.option(
        "--without",
        type=Default(),
        multiple=True,
        help="Leave out a constraint that holds by default: restrikes (no key is struck again "
        "while it sounds), loops (no passage goes on being repeated), bounds (notes last no "
        "longer, and no more sound at once, than in the training music), or all; may be repeated.",
    ),
)
"""The options of `Wishes`, in the order in which help lists them."""

WORDS = {"constraint": "constraints"}
"""Fields of `Wishes` that are called otherwise than the option."""

NAMES = (
    *("key", "range", "instruments", "max_polyphony", "density", "chords", "constraint"),
    "without",
)


def steering_options(command: Command) -> Command:
    """Add the options to a command, which gets them as one argument, `wishes`: a `Wishes`."""

    @functools.wraps(command)
    def with_wishes(*args: Any, **values: Any) -> Any:  # noqa: ANN401 - those of any command
        from howlkit.sampling.wishes import Wishes

        given = {WORDS.get(name, name): values.pop(name) for name in NAMES}
        return command(*args, wishes=Wishes(**given), **values)

    return cast(Command, _with(OPTIONS, with_wishes))


def sampler_flags(command: Command) -> Command:
    """Add --temperature and --top-p, options of the sampler, to a command."""
    options = (
        click.option(
            "--temperature",
            type=FiniteRange(0, 100),
            help="Below 1 is surer, above 1 bolder; -o SAMPLER.temperature is the same.",
        ),
        click.option(
            "--top-p",
            type=FiniteRange(0, 1),
            help="Draw among the likeliest values that make up this probability; -o SAMPLER.top_p "
            "is the same.",
        ),
    )
    return cast(Command, _with(options, command))


def _with(options: Sequence[Callable[[Any], Any]], command: Callable[..., Any]) -> object:
    for option in reversed(options):
        command = option(command)
    return command


def with_flags(
    sampler: str, values: Mapping[str, object] | None, **flags: object
) -> dict[str, object]:
    """Return the options of the sampler: those given with -o, and over them those of flags.

    A flag that is None was not given. A usage error if the sampler has no option of that name.
    """
    from howlkit import options, plugins

    given = {name: value for name, value in flags.items() if value is not None}
    own = [each.name for each in options.describe(plugins.get("sampler", sampler).cls)]
    for name in given:
        if name not in own:
            flag = f"--{name.replace('_', '-')}"
            raise click.UsageError(
                f"{flag}: sampler {sampler!r} has no option {name!r}; its options: "
                f"{', '.join(own) or 'none'}. Leave out {flag}, or choose another sampler"
            )
    return {**(values or {}), **given}
