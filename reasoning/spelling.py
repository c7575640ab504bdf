"""One slip of the finger in a word that questions are made of: "hapened", "mooved", "sombody", "betwene".

Only words of five letters and more are read as another one, and only as one of a short list that begins with the same
letter; and of short words the few with two letters swapped: "teh", "adn", "waht". Words that were said are data and
stay as they are, and so do English words that merely look like one.
"""

from __future__ import annotations

import re

from reasoning import vocabulary as vocab
from reasoning.match import words as split_words
from reasoning.numbers import NUMBERS
from reasoning.patterns import word
from reasoning.quoted import said_words
from reasoning.topics import KNOWN

_WORD = re.compile(r"[^\W\d_]{5,}")
_SHORT = re.compile(r"[^\W\d_]{3,5}")
_MOMENT = re.compile(word("after", "before", "during", "while", "when", "between", "until", "since"))
_OTHER_SHORT = frozenset("saw who hwo two owe hate".split())
_MEANT = frozenset(
    """
    happen happens happened happening occurred something somebody someone anything anybody anyone nothing nobody
    everything person people speak speaks speaking spoke spoken speech voice voices words sentence sentences talked
    talking mention mentions mentioned sound sounds noise noises beeps loudest loudness quiet silent silence moves
    moved moving movement movements motion appear appeared passed passing walked walking enter entered scene scenes
    picture pictures change changes changed camera cameras microphone microphones sensor sensors recording video second
    seconds minute minutes between before after while during since until first third fourth longest shortest strongest
    often times where which there heard hearing visible started stopped altogether
    """.split()
)
# English words that one slip away from those mean something else.
_OTHER = frozenset(
    """
    alter chang pearson
    appeal appealed appeased beers chance chanced chances changer chanted charge charged charges daring
    eater forth fourths haring healing heaping heart heating heaving herring hoard minuet minutest modes moles
    moped moping mores moses motes mover movers movies mowed mowing noose norse noses noting parsed parsing
    parson passe pasted pasting persona pissed pissing quilt quint scent scents scone scones senior seniors
    senor sensory sentenced shopped singe smarted smoke sneak sneaking sneaks spear spearing spears speck specks
    spike spokes spore stared starred starter startled starved stated steak steaks stoke stomped stooped stopper
    strangest tacked talker tames tanked tanking tasked tasking theme therm three tides tiles timed timer timers
    tines tires tomes untie vices voiced waking walker walled wards whale whiles whine white whore woods wordy
    works worlds worms
    """.split()
)
# Two letters swapped in a short word of which questions are made; nothing else is as near to these.
_SWAPS = {
    swapped: meant
    for meant in "the and what when how did was were that many long often".split()
    for i in range(len(meant) - 1)
    if (swapped := meant[:i] + meant[i + 1] + meant[i] + meant[i + 2 :]) != meant
    and swapped not in KNOWN | _OTHER_SHORT
}
_PLAIN = KNOWN | _OTHER | _MEANT | vocab.COMPARATIVES.keys() | NUMBERS.keys()


def mend(text: str) -> tuple[str, dict[str, str]]:
    """Return `text` with its slips mended, and what was read as what."""
    mended: dict[str, str] = {}
    for slip in dict.fromkeys(_SHORT.findall(text)):
        is_searched = slip.lower() in split_words(_searched(text)) and not text.startswith(slip)
        if (meant := _SWAPS.get(slip.lower())) and not is_searched:
            text = re.sub(rf"\b{slip}\b", meant.capitalize() if slip[0].isupper() else meant, text)
            mended[slip] = meant
    for slip in dict.fromkeys(_WORD.findall(text)):
        meant = _meant(slip.lower())
        if meant and slip.lower() not in split_words(_searched(text)):
            text = re.sub(rf"\b{slip}\b", meant, text)
            mended[slip] = meant
    return text, mended


def _searched(text: str) -> str:
    """Return the words that are looked for in what was said; what follows "after" is another matter."""
    return _MOMENT.split(said_words(text.lower()))[0]


def _meant(name: str) -> str:
    if name in _PLAIN:
        return ""
    near = (other for other in _MEANT if other[0] == name[0] and is_one_slip(name, other))
    return min(near, key=lambda other: (abs(len(other) - len(name)), other), default="")


def is_one_slip(a: str, b: str) -> bool:
    """Whether one letter put in, left out, changed, or two swapped make one word the other."""
    if a == b or abs(len(a) - len(b)) > 1:
        return False
    at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    x, y = a[at:], b[at:]
    return x[1:] == y or x == y[1:] or x[1:] == y[1:] or (x[:2] == y[:2][::-1] and x[2:] == y[2:])
