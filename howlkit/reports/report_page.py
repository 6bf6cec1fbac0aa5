"""A report as a page that plays."""

from __future__ import annotations

from collections.abc import Iterator

from howlkit import __version__
from howlkit.music.page import Document, PageSound, Playing, piece_section, shown
from howlkit.music.page.piece_data import roll_data
from howlkit.reports.comparison import NATS, Comparison
from howlkit.reports.curves import curves
from howlkit.reports.report import Report, RunFacts
from howlkit.reports.statistics_table import MOST_COLUMNS, statistics_table

__all__ = ["report_page"]


def report_page(report: Report, playing: Playing = Playing()) -> str:
    """Return a report as a page, HTML in one file."""
    sound = PageSound(playing)
    pieces = [{**sound.of(each.piece), "roll": roll_data(each.piece)} for each in report.pieces]
    return Document(
        title=report.title,
        body="\n".join(_body(report)),
        script="pieces_page",
        data={"pieces": pieces, "recordings": sound.recordings()},
    ).html()


def _body(report: Report) -> Iterator[str]:
    yield f"<h1><bdi>{shown(report.title)}</bdi></h1>"
    run = report.run
    if run is not None:
        facts = dict(run.settings)
        said = "; ".join(facts[name] for name in ("music", "learnt") if name in facts)
        yield f'<p class="facts">{shown(said)}</p>'
    yield '<h2>Pieces</h2>\n<p class="note">Space plays and pauses, the arrow keys go back and '
    yield "forth; a click on a picture goes there.</p>"
    yield f'<div class="{"pieces" if len(report.pieces) > 1 else "wide"}">'
    yield from _sections(report)
    yield "</div>"
    yield "<h2>Beside the training music</h2>" if _beside(report) else "<h2>Statistics</h2>"
    yield from _explained(report)
    yield statistics_table(report.comparison, [each.name for each in report.pieces])
    if run is not None:
        yield from _run(run)
    yield f"<footer><p>Made by howlkit {__version__}.</p></footer>"


def _sections(report: Report) -> Iterator[str]:
    nats = next((row for row in report.comparison.rows if row.name == NATS), None)
    for number, each in enumerate(report.pieces):
        facts = f"{len(each.piece):,} notes, {each.piece.seconds_long:.0f} s"
        value = None if nats is None else nats.values[number]
        if value is not None:
            facts += f", {value:.2f} nats a note"
        yield piece_section(number, each.piece, name=each.name, facts=facts)


def _beside(report: Report) -> bool:
    return bool(report.comparison.training or report.comparison.validation)


def _explained(report: Report) -> Iterator[str]:
    own: Comparison = report.comparison
    if _beside(report):
        parts = f"the first {own.seconds:.0f} seconds of {own.training} pieces of the training part"
        if own.validation:
            parts += f"; for nats of {own.validation} of the validation part"
        yield f"<p>10 %, median and 90 % are those of {parts}. The strip shows this range, its "
        yield "median, and a dot for each piece here. ▲ and ▼ mark what lies outside.</p>"
    if any(row.name == NATS for row in own.rows):
        yield "<p>Nats say how much a piece surprises the model: fewer are better, but far fewer "
        yield "than real music has are a sign of music that is too plain, or of a low temperature."
        yield "</p>"
    if len(report.pieces) > MOST_COLUMNS:
        yield f"<p>The last column has the median of the {len(report.pieces)} pieces.</p>"


def _run(run: RunFacts) -> Iterator[str]:
    drawn = curves(run.log, baseline=run.baseline)
    if drawn:
        yield f"<h2>Training</h2>\n{drawn}"
    rows = [*run.settings, *([("sampled with", run.making)] if run.making else [])]
    cells = "".join(
        f'<tr><th scope="row">{shown(name)}</th><td>{_whole(text)}</td></tr>' for name, text in rows
    )
    yield f"<h2>Settings of {shown(run.name)}</h2>"
    yield '<div class="table settings" tabindex="0" role="region" aria-label="Settings">'
    yield f"<table><tbody>{cells}</tbody></table></div>"


def _whole(text: str) -> str:
    """Return a long text in full, part by part, since `shown` cuts names that are too long."""
    return ", ".join(shown(part) for part in text.split(", "))
