"""Pages that need nothing but themselves: HTML with its style and drawings inside, light and dark, wide and narrow.

Whatever comes from a recording is escaped here: what is said in a scene is data.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from runtime.errors import ConfigError

STYLE = """
:root{color-scheme:light dark;--ground:#fff;--ink:#1b1f24;--soft:#5b6570;--line:#d8dde3;--panel:#f5f7f9;
--first:#2563a8;--second:#b45309;--changed:#8a6100;--gone:#b3261e;--new:#1a7f37}
@media(prefers-color-scheme:dark){:root{--ground:#14171a;--ink:#e6e9ec;--soft:#9aa4ae;--line:#333a41;--panel:#1d2125;
--first:#79b4f2;--second:#f0a35e;--changed:#e3b341;--gone:#ff8a80;--new:#5fd07f}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:70rem;background:var(--ground);color:var(--ink);
font:15px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.4rem;margin:.2rem 0 .6rem}h2{font-size:1.1rem;margin:1.6rem 0 .4rem}
p{margin:.3rem 0}small,.soft{color:var(--soft)}
.verdict{font-size:1.1rem;font-weight:600;padding:.5rem .8rem;border-left:.3rem solid var(--line)}
.verdict,svg{background:var(--panel)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .6rem .25rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:500;white-space:nowrap}.number{text-align:right}td.number{white-space:nowrap}
.fills{width:100%;min-width:9rem}
.lane{display:flex;gap:.5rem;align-items:center;margin:2px 0;color:var(--soft);font-size:.8rem}
.lane>:first-child{flex:0 0 6.5rem}.lane>:last-child{flex:1;min-width:0}
.axis{display:flex;justify-content:space-between}
.first{color:var(--first)}.second{color:var(--second)}
.changed{color:var(--changed)}.gone{color:var(--gone)}.new{color:var(--new)}
svg{display:block;width:100%}svg .line{fill:none;stroke-width:1.5;vector-effect:non-scaling-stroke}
svg .first{fill:var(--first)}svg .second{fill:var(--second)}
svg .line.first{stroke:var(--first);fill:none}svg .line.second{stroke:var(--second);fill:none}
svg .zero{fill:var(--soft)}svg .line.zero{stroke:var(--soft);fill:none;stroke-dasharray:4 4}
svg .box{fill:none!important;stroke-width:2;vector-effect:non-scaling-stroke}
svg .box.new{stroke:#5fd07f}svg .box.second{stroke:#f0a35e;stroke-dasharray:4 3}
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(14rem,1fr));gap:1rem}
figure{margin:0}figcaption{font-size:.85rem}
svg .changed{fill:var(--changed)}svg .gone{fill:var(--gone)}svg .new{fill:var(--new)}
"""


def text(value: object) -> str:
    """Return a value that can stand anywhere in a page, also in an attribute."""
    plain = "".join("\N{REPLACEMENT CHARACTER}" if _steers(one) else one for one in str(value))
    return html.escape(plain, quote=True)


def page(title: str, parts: Iterable[str], *, shows_pictures: bool = False) -> str:
    """Return a whole page; the parts are HTML already, and pictures stand in it as data."""
    pictures = "; img-src data:" if shows_pictures else ""
    head = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" '
        f"content=\"default-src 'none'; style-src 'unsafe-inline'{pictures}\">"
    )
    body = "\n".join(parts)
    return f"{head}<title>{text(title)}</title><style>{STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Collection[int], fills: int) -> str:
    """Return a table of cells that are HTML already.

    The columns in `numbers` stand on the right; the one that `fills` takes the width that is left.
    """

    def row(tag: str, cells: Sequence[str]) -> str:
        classes = ["number" if at in numbers else "fills" if at == fills else "" for at in range(len(cells))]
        shown = (f'<{tag} class="{name}">{cell}</{tag}>' for name, cell in zip(classes, cells, strict=True))
        return f"<tr>{''.join(shown)}</tr>"

    head = row("th", [text(one) for one in heads])
    return f'<div class="scroll"><table>{head}{"".join(row("td", one) for one in rows)}</table></div>'


def drawing(width: float, height_px: int, shapes: Iterable[str]) -> str:
    """Return a drawing that is as wide as there is room, and `height_px` high."""
    box = f'viewBox="0 0 {width:g} {height_px}" preserveAspectRatio="none" style="height:{height_px}px"'
    return f'<svg {box} role="img">{"".join(shapes)}</svg>'


def lane(label: str, content: str) -> str:
    """Return a drawing, or what else is HTML already, with its label on the left."""
    return f'<div class="lane"><span>{text(label)}</span>{content}</div>'


def axis(labels: Iterable[str]) -> str:
    """Return labels spread from the left to the right."""
    return f'<div class="axis">{"".join(f"<span>{text(one)}</span>" for one in labels)}</div>'


def write_page(path: Path, content: str, *, replaces: bool = False) -> None:
    """Write a page into a new file, or over an older page of the same name; no half of one is left.

    Raises ConfigError where it cannot be written, or is there already and is not to be replaced.
    """
    has_begun = False
    try:
        with path.open("w" if replaces else "x", encoding="utf-8") as file:
            has_begun = True
            file.write(content)
    except FileExistsError as error:
        raise ConfigError("--html", f"{path} is there already; name a new file") from error
    except OSError as error:
        if has_begun and path.is_file():  # not where it goes to a device
            path.unlink(missing_ok=True)
        raise ConfigError("--html", f"{path} cannot be written: {error.strerror}") from error


def _steers(character: str) -> bool:
    """Say whether a character does something instead of being seen; line ends and tabs may."""
    return unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t"
