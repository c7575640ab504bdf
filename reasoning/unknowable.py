"""What no percept of this version can tell: colours, names, kinds of things, feelings, written words and the like.

Each rule is a pattern over the question without its quotes, times and search words, and the end of the sentence
"I cannot tell ...". Movement itself is no object: "when did a car pass" is answered as movement, with a caveat.
"""

from __future__ import annotations

import re

from reasoning.vocabulary import OBJECTS, PEOPLE

_THINGS = "|".join(
    sorted(OBJECTS | PEOPLE - {"him", "her", "his", "hers", "their", "theirs", "them", "he", "she", "they", "it"})
)
_COUNTABLE = (
    r"(?:(?:(?:loud|quiet|short|long|separate|different|distinct|single|other|more|spoken|scene|camera|individual|such|audible|visible)\s+)*(?:times?|movements?|motions?|sounds?|noises?|tones?|beeps?|bleeps?|bangs?|utterances?|sentences?|phrases?"
    r"|cuts?|scenes?|shots?|transitions?|changes?|pauses?|silences?|gaps?|seconds?|secs?|minutes?|mins?|hours?|events?|segments?|episodes?"
    r"|periods?|stretches|bits?|parts?|occasions?|moments?|instances?|cameras?|microphones?|mics?|sensors?|streams?|remarks?|statements?"
    r"|turns?|bursts?|intervals?|things?\s+(?:happened|moved|occurred|were\s+said)|speech|recordings?))"
)
_COLOURS = "red|orange|yellow|green|blue|purple|violet|pink|brown|black|white|gr[ae]y|silver|golden|beige|turquoise"

_RULES = tuple(
    (re.compile(pattern, re.IGNORECASE), reason)
    for pattern, reason in (
        (rf"\bcolou?r(?:s|ed|ful)?\b|\b(?:{_COLOURS})\b", "colours"),
        (r"\b(?:written|writing|letters?|caption|captions|logo|signs?(?!\s+of)|label(?:led|s)?|text|number\s*plate|licen[cs]e|plate)\b",
         "what is written in the picture"),
        (r"\b(?:smell|smells|smelled|smelt|odou?r|scent|stink|taste|tastes|temperature|warm|cold|hot|weather|rain|rains|raining|rained"
         r"|rainy|snow|snowing|sunny|wind|windy|humid|wet)\b", "smell, taste, temperature or weather"),
        (r"\b(?:emotions?|emotional|mood|moods|feel|feels|feeling|feelings|felt|happy|happier|sad|angry|upset|nervous|afraid|scared|excited|bored"
         r"|tired|annoyed|friendly|smil(?:e|es|ed|ing)|frown\w*|anxious|worried|surprised|drunk|attitude)\b", "feelings"),
        (r"\b(?:languages?|accents?|dialects?|english|german|french|spanish|italian|chinese|foreign)\b", "languages or accents"),
        (r"\b(?:gender|male|female|age|aged|older|younger|how\s+old|how\s+tall|name|names|named|identity|identify|recogni[sz]e\w*|familiar"
         r"|surname|same\s+(?:person|man|woman|speaker|voice|car)|different\s+(?:people|persons|speakers|voices|men|women)|a\s+man\s+or\s+a\s+woman)\b"
         r"|\b(?:man|woman|he|boy|girl|male|female)\s+or\s+(?:a\s+|an\s+)?(?:man|woman|she|boy|girl|male|female|child)\b",
         "who somebody is"),
        (r"(?<!\bperson )(?<!\bpeople )(?<!\bone )(?<!\banyone )(?<!\bsomeone )(?<!\bsomebody )(?<!\banybody )(?<!\bman )(?<!\bwoman )"
         r"(?<!\bthose )(?<!\bvoice )\bwho(?:se|m|'s)?\b|\bwhich\s+(?:person|man|woman|one\s+of|speaker|guy|people|voice)\b", "who somebody is"),
        (r"\bhow\s+fast\b|\bspeeds?\b|\bspeeding\b|\bhow\s+quick\w*\b|\bvelocity\b|\bkm/?h\b|\bmph\b|\bhow\s+slow\w*\b|\bfaster\b|\bslower\b|\baccelerat\w+",
         "speeds"),
        (r"\bhow\s+(?:far|wide|high|deep|heavy|close)\b|\bdistance\b|\bmet(?:er|re)s\s+away\b|\bweigh\w*\b|\bheight\b", "sizes or distances"),
        (r"\bwhy\b|\bhow\s+come\b|\breasons?\b|\bwhat\s+(?:for|caused?|made)\b|\bcause[ds]?\b|\bwhat\s+for\b", "why something happens"),
        (r"\bwill\b|\bgoing\s+to\s+\w+|\btomorrow\b|\bnext\s+(?:minute|hour|day|week|month|year)\b|\babout\s+to\b|\bpredict\w*|\bshould\b|\bin\s+the\s+future\b",
         "the future"),
        (r"\b(?:wear|wears|wearing|wore|hold|holds|holding|held|carry|carries|carrying|carried|dressed|clothes|clothing|shirt|jacket|coat|hat|hair"
         r"|beard|glasses|shoes|bald|tattoo|face|faces|hands?|looked\s+like|look\s+like|looks\s+like|appearance|beautiful|pretty|eat|eating|drink|drinking)\b",
         "what people or things look like or do"),
        (rf"\bwhat\s+(?:is|was|are|were|did|does|do)\s+(?:the\s+|a\s+)?(?:{_THINGS}|he|she|they)\s+(?:\w+\s+){{0,3}}(?:doing|do|did)\b",
         "what people or things look like or do"),
        (rf"\b(?:what|which)\s+(?:kinds?|sorts?|types?|makes?|brands?|models?|breeds?|species)\b(?!\s+of\s+(?:sounds?|noises?|words?|sensors?|things?))"
         rf"|\bwhich\s+(?:{_THINGS})\b|\bwhat\s+(?:{_THINGS})\b(?!\s+(?:said|say|says|talked))|\bbrands?\b", "what kind of thing it is"),
        (rf"\b(?:how\s+many|number\s+of|count\s+(?:of|the))\s+(?!{_COUNTABLE}\b)\w+", "how many people or things there are"),
        (r"\b(?:bark\w*|meow\w*|music\w*|song|songs|sing|sings|singing|sang|sung|melody|instruments?|guitar|piano|drums?|violin|sirens?|alarms?|laugh\w*"
         r"|cr(?:y|ies|ied|ying)|cough\w*|sneez\w*|applau\w*|clap\w*|gunshots?|thunder\w*|doorbell|bells?|r[ia]ng|ringing|knock\w*|footsteps?|engines?"
         r"|horns?|honk\w*|scream\w*|glass|explosions?|birdsong|chirp\w*|snor\w*|typing|whistl\w*|helicopters?)\b", "what makes a sound"),
    )
)  # fmt: skip

# Presence needs a recogniser even where nobody asks for more: who stands still is not seen.
_PRESENCE = re.compile(
    rf"\b(?:is|are|was|were|see|saw|seen|spot|spotted|notice[ds]?|visible|show|contain|detect(?:ed)?|recogni[sz]ed?)\b.*\b(?:{_THINGS})\b"
    rf"|\b(?:{_THINGS})\b.*\b(?:visible|present|there|standing|sitting|waiting|parked|stand|stood|sit|sat|seen)\b",
    re.IGNORECASE,
)
_STATIC = re.compile(
    r"\b(?:empty|standing|sitting|parked|crowded|occupied|deserted|stood|sat|waiting|lying)\b", re.IGNORECASE
)


def reason(rest: str, *, is_perceived: bool) -> str:
    """Return what cannot be told, "" where nothing forbids an answer.

    `rest` is the question without quotes, times and search words; `is_perceived` says that it also asks for
    something there are percepts of (speech, sounds, movement), so that a thing in it is a mere bystander.
    """
    for pattern, what in _RULES:
        if pattern.search(rest):
            return what
    if not is_perceived and _STATIC.search(rest):
        return "what stands still"
    if not is_perceived and _PRESENCE.search(rest):
        return "which people or things are there"
    return ""
