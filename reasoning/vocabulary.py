"""Which English words point at which sense, and which carry no content; plain sets, nothing is computed here.

Sets hold stems as `reasoning.match.stem` makes them where that helps, else whole forms: irregular verbs are listed.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SPEECH = _words("""
    say says said saying speak speaks spoke spoken speaking speech talk talks talked talking tell tells told telling utter utters
    uttered utterance utterances word words sentence sentences phrase phrases mention mentions mentioned mentioning voice voices
    conversation conversations discuss discusses discussed discussing discussion dialogue dialog transcript transcribe transcription
    announce announced announcement shout shouts shouted shouting whisper whispered whispering speaker speakers narrator narration
    remark remarked chat chatting chatted ask asks asked asking reply replied answered topic topics lecture monologue verbal
    spokesperson quote quotes quoted statement statements articulate utterer call calls called calling read reads reading reader reference referred
""")
SOUND = _words("""
    sound sounds noise noises noisy tone tones beep beeps beeped beeping bleep bleeps bang bangs banged hum hums humming buzz buzzes
    buzzed buzzing loud louder loudest pitch frequency ping pings thud thump din racket hz hertz
""")
TONE = _words("tone tones beep beeps beeped beeping bleep bleeps hum hums humming ping pings pitch frequency hz hertz")
NOISE = _words("noise noises bang bangs banged thud thump din racket")
HEARD = _words("hear hears heard hearing listen listened audible audio aloud")
QUIET = _words("quiet quieter silent silence silences hush hushed noiseless soundless pause pauses")
MOTION = _words("""
    move moves moved moving movement movements motion motions activity stir stirs stirred stirring shift shifted budge budged
    pass passes passed passing drive drives drove driven driving walk walks walked walking run runs ran running ride rode riding
    enter enters entered entering exit exits exited exiting leave leaves leaving cross crosses crossed crossing arrive arrives
    arrived arriving appear appears appeared appearing disappear disappears disappeared vanish vanished approach approached
    wander wandered roll rolled rolling fly flies flew flying travel travelled traveled traverse jump jumped jumping dart darted
    depart departed rush rushed step stepped stroll strolled gesture gestured wave waved waving traffic fidget fidgeted
""")
# Verbs that mean movement only with their particle: "go" alone is in "what is going on".
MOTION_PHRASES = (
    r"\b(?:go(?:es|ing)?|went|gone|c[ao]me?s?|coming|got|gets?|turn(?:s|ed)?)\s+"
    r"(?:\w+\s+)?(?:by|past|through|in|into|inside|out|outside|across|along|away|around|over|up|down|from|back)\b"
    r"|\b(?:show(?:s|ed|n|ing)?|turn(?:s|ed)?|pop(?:s|ped)?)\s+up\b"
    r"|\bleft\s+(?:the|it|again|through)\b(?!\s+(?:side|half|part|edge|third|hand|corner))|\b(?:he|she|they|it|somebody|someone|anybody|anyone|people|cars?)\s+left\b"
)
STILL = _words("still static motionless immobile unmoving stationary standstill")
SCENE = _words("scene scenes cut cuts shot shots transition transitions cutaway")
PICTURE = _words("picture pictures image images view views screen frame frames video camera scenery visuals")
CHANGE = _words("change changes changed changing switch switches switched switching jump jumped differ different")
SEEN = _words(
    "see sees saw seen seeing look looks looked looking watch watched visible visual visually visuals spot spotted notice noticed"
)
SENSORS = _words(
    "camera cameras microphone microphones mic mics sensor sensors stream streams input inputs webcam feed feeds device devices lens"
)
SENSOR_STATES = _words("""
    blind working works work on off broken dead muted mute covered dark black available connected disconnected alive ok okay fine
    running online offline active functioning functional enabled disabled blocked obstructed deaf failing faulty stale there
    present status state have has got healthy down
""")
HAPPEN = _words(
    "happen happens happened happening occur occurs occurred occurring event events action going summary summarise summarize describe overview recap anything something"
)

SIDES = {
    "left": "left", "lefthand": "left", "leftmost": "left", "right": "right", "righthand": "right", "rightmost": "right",
    "middle": "middle", "centre": "middle", "center": "middle", "top": "top", "upper": "top", "above": "top",
    "bottom": "bottom", "lower": "bottom", "below": "bottom",
}  # fmt: skip
EXTREMES = {
    "longest": "longest", "lengthiest": "longest", "shortest": "shortest", "briefest": "shortest", "loudest": "strongest",
    "strongest": "strongest", "biggest": "strongest", "largest": "strongest", "greatest": "strongest", "main": "strongest",
    "quietest": "weakest", "smallest": "weakest", "weakest": "weakest", "faintest": "weakest",
}  # fmt: skip
NTH = {
    "first": 1, "1st": 1, "initial": 1, "earliest": 1, "initially": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4,
    "fifth": 5, "5th": 5, "sixth": 6, "6th": 6, "seventh": 7, "7th": 7, "eighth": 8, "8th": 8, "ninth": 9, "9th": 9, "tenth": 10, "10th": 10,
    "last": -1, "latest": -1, "final": -1, "lastly": -1, "newest": -1, "penultimate": -2,
}  # fmt: skip

PEOPLE = _words("""
    somebody someone anybody anyone nobody everybody everyone person people persons human humans man men woman women guy guys lady
    gentleman child children kid kids boy boys girl girls he she they him her them his their his hers theirs driver drivers
    pedestrian pedestrians visitor visitors passenger worker workers individual individuals customer guest customers
""")
OBJECTS = _words("""
    car cars vehicle vehicles truck trucks lorry lorries bus buses van vans bike bikes bicycle bicycles motorcycle motorcycles
    motorbike motorbikes scooter taxi dog dogs cat cats bird birds animal animals horse horses cow cows ball balls box boxes bag bags
    object objects thing things item items train trains plane planes boat boats ship robot robots door doors window windows chair
    table tables tree trees house building phone bottle cup drone ambulance tram suv sedan
""")
PLACES = _words("""
    road street room table floor place area hall office kitchen corridor yard garden pavement sidewalk crossing lane wall asphalt
    ground house building picture image view screen frame video recording clip footage film camera scene audio track file session
    part side half corner region edge third hand section direction way here there around outside inside lot parking
""")

# Words that are never content: pronouns, auxiliaries, prepositions, fillers of polite questions.
STOP = _words("""
    a an the this that these those it its itself i me my you your we us our he she they him her them his their one ones
    is are was were be been being am do does did done doing have has had having can could will would shall should may might must
    isn't aren't wasn't weren't don't doesn't didn't hasn't haven't hadn't can't couldn't won't not no nor never none nothing nobody
    of in on at to for from by with about into onto over under within during before after while when until since through between as than
    and or but if so then also too just only very really ever yet already again still even else any anything anyone anybody some
    something someone somebody all every everything everybody everyone each both more most much many few little lot lots such same other another
    interesting important new kind what which who whom whose where why how whether there here now oh well um uh
    get gets got getting make made let lets tell show give list know think mean want like need happen happened happening going go goes went
    thing things time times moment moments point points occasion occasions second seconds minute minutes hour hours long often
    actual actually exactly precisely approximately roughly first last next previous earlier later recent total whole entire
    recording recordings video videos clip clips audio footage file track session stream talking spoken
    what's who's where's when's how's that's it's there's i'm i've they're he's she's didnt wasnt isnt doesnt s t
    anything's something's possible kind sort type able
""")
