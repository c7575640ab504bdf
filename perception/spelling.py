"""One spelling for what was heard: American, because the embedded recogniser's dictionary holds both.

"colour" and "color" sound the same, so which of them a recogniser writes is chance, and a search for one would miss
the other.
"""

from __future__ import annotations

import re

OUR_STEMS = "arm behavi col endeav fav flav harb hon hum lab neighb od parl rum sav savi splend tum val vap vig".split()
RE_WORDS = {
    "calibre": "caliber",
    "centre": "center",
    "fibre": "fiber",
    "kilometre": "kilometer",
    "litre": "liter",
    "lustre": "luster",
    "metre": "meter",
    "millimetre": "millimeter",
    "centimetre": "centimeter",
    "sombre": "somber",
    "theatre": "theater",
}
OTHER_WORDS = {
    "cancelled": "canceled",
    "catalogue": "catalog",
    "defence": "defense",
    "dialogue": "dialog",
    "grey": "gray",
    "jewellery": "jewelry",
    "licence": "license",
    "mr": "mister",
    "offence": "offense",
    "ok": "okay",
    "plough": "plow",
    "programme": "program",
    "pyjamas": "pajamas",
    "travelled": "traveled",
    "traveller": "traveler",
    "travelling": "traveling",
}
ISE_STEMS = "apolog author civil critic emphas item memor minim modern organ real recogn special symbol util visual"

_OUR = re.compile(rf"\b({'|'.join(OUR_STEMS)})our(?=(s|ed|ing|ful|fully|able|ably|hood|less|ite|ites|er|ers)?\b)")
_ISE = re.compile(rf"\b({'|'.join(ISE_STEMS.split())})is(?=(e|es|ed|ing|er|ers|ation|ations)\b)")
_WORD = re.compile(
    rf"\b({'|'.join((*RE_WORDS, *OTHER_WORDS))})(s?)\b",
)


def normalise(text: str) -> str:
    """Return the lower-case text in American spelling."""
    text = _OUR.sub(r"\1or", text)
    text = _ISE.sub(r"\1iz", text)
    return _WORD.sub(lambda match: (RE_WORDS | OTHER_WORDS)[match[1]] + match[2], text)
