"""Which English words point at which sense, and which carry no content: plain sets, nothing is decided here."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SPEECH = _words("""
    say says said saying speak speaks spoke spoken speaking speech talk talks talked talking tell tells told telling
    utter utters uttered uttering utterance utterances word words sentence sentences phrase phrases mention mentions
    mentioned mentioning voice voices conversation conversations discuss discusses discussed discussing discussion
    dialogue dialog transcript transcribe transcription announce announced announcement shout shouts shouted shouting
    whisper whispered whispering speaker speakers narrator narration remark remarks remarked chat chatted chatting
    ask asks asked asking reply replies replied answered topic topics lecture monologue quote quotes quoted statement
    statements call calls called calling read reads reading reader reference referred command commands commanded
    order orders ordered instruction instructions instructed verbal
""")
SOUND = _words("""
    sound sounds sounded noise noises noisy tone tones beep beeps beeped beeping bleep bleeps bang bangs banged hum hums
    humming buzz buzzes buzzed buzzing loud louder loudest quietest pitch frequency ping pings thud thump din racket
    hz hertz khz kilohertz
""")
TONE = _words("""
    tone tones beep beeps beeped beeping bleep bleeps hum hums humming ping pings pitch frequency hz hertz khz kilohertz
""")
NOISE = _words("noise noises bang bangs banged thud thump din racket")
HEARD = _words("hear hears heard hearing listen listened audible audio aloud")
QUIET = _words("quiet quieter silent silence silences hush hushed noiseless soundless pause pauses paused pausing")
MOTION = _words("""
    move moves moved moving movement movements motion motions activity stir stirs stirred stirring shift shifted budge
    pass passes passed passing drive drives drove driven driving walk walks walked walking run runs ran running ride
    rode riding enter enters entered entering exit exits exited exiting leave leaves leaving cross crosses crossed
    crossing arrive arrives arrived arriving appear appears appeared appearing disappear disappears disappeared vanish
    vanished approach approached wander wandered roll rolled rolling fly flies flew flying travel travelled traveled
    traverse jump jumped jumping dart darted depart departed rush rushed step stepped stroll strolled gesture gestured
    wave waved waving traffic fidget fidgeted heading headed
""")
STILL = _words("still static motionless immobile unmoving stationary standstill")
SCENE = _words("scene scenes cut cuts shot shots transition transitions")
PICTURE = _words("picture pictures image images view views screen frame frames video camera scenery visuals")
CHANGE = _words("change changes changed changing switch switches switched switching differ different")
SEEN = _words("""
    see sees saw seen seeing look looks looked looking watch watched visible visual visually spot spotted notice noticed
""")
HAPPEN = _words("""
    happen happens happened happening occur occurs occurred occurring event events action going summary summarise miss
    missed summarize describe overview recap anything something
""")
SENSORS = _words("""
    camera cameras microphone microphones mic mics sensor sensors stream streams input inputs webcam feed feeds device
    devices lens radar radars imu
""")
SENSOR_STATES = _words("""
    blind working works work on off broken dead muted mute covered dark black available connected disconnected alive ok
    okay fine running online offline active functioning functional enabled disabled blocked obstructed deaf failing
    faulty stale there present status state healthy down
""")

SIDES = {
    **dict.fromkeys(("left", "lefthand", "leftmost"), "left"),
    **dict.fromkeys(("right", "righthand", "rightmost"), "right"),
    **dict.fromkeys(("middle", "centre", "center"), "middle"),
    **dict.fromkeys(("top", "upper", "above"), "top"),
    **dict.fromkeys(("bottom", "lower", "below"), "bottom"),
}
EXTREMES = {
    **dict.fromkeys(("longest", "lengthiest"), "longest"),
    **dict.fromkeys(("shortest", "briefest"), "shortest"),
    **dict.fromkeys(("loudest", "strongest", "biggest", "largest", "greatest", "main"), "strongest"),
    **dict.fromkeys(("quietest", "smallest", "weakest", "faintest"), "weakest"),
    **dict.fromkeys(("highest",), "highest"),
    **dict.fromkeys(("lowest", "deepest"), "lowest"),
}
COMPARATIVES = {
    **dict.fromkeys(("longer", "lengthier"), "longest"),
    **dict.fromkeys(("shorter", "briefer"), "shortest"),
    **dict.fromkeys(("louder", "stronger", "bigger", "larger", "greater"), "strongest"),
    **dict.fromkeys(("quieter", "smaller", "weaker", "fainter"), "weakest"),
    "higher": "highest",
    **dict.fromkeys(("lower", "deeper"), "lowest"),
}
NTH = {
    **dict.fromkeys(("first", "1st", "initial", "earliest", "initially", "next"), 1),
    **dict.fromkeys(("last", "latest", "final", "lastly", "newest"), -1),
    **{word: i for i, word in enumerate("second third fourth fifth sixth seventh eighth ninth tenth".split(), start=2)},
    **{word: i for i, word in enumerate("2nd 3rd 4th 5th 6th 7th 8th 9th 10th".split(), start=2)},
    "penultimate": -2,
}

PRONOUNS = _words("he she they him her them his hers their theirs")
PEOPLE = PRONOUNS | _words("""
    somebody someone anybody anyone nobody everybody everyone person persons human humans man men woman women guy guys
    lady gentleman child children kid kids boy boys girl girls people driver drivers pedestrian pedestrians visitor
    visitors passenger passengers worker workers individual individuals customer customers guest guests
""")
OBJECTS = _words("""
    car cars vehicle vehicles truck trucks lorry lorries bus buses van vans bike bikes bicycle bicycles motorcycle
    motorcycles motorbike motorbikes scooter taxi dog dogs cat cats bird birds animal animals horse horses cow cows ball
    balls box boxes bag bags object objects thing things item items train trains plane planes boat boats ship robot
    robots door doors window windows chair table tables tree trees house building phone bottle cup drone ambulance tram
    suv sedan
""")
PLACES = _words("""
    road street room table floor place area hall office kitchen corridor yard garden pavement sidewalk lane wall asphalt
    ground house building picture image view screen frame video recording clip footage film camera scene audio track
    file session part side half corner region edge third hand section direction way inside outside lot parking
    background foreground distance
""")

# What people say for "something" in front of a camera: a movement may well be one of these.
USUAL = (
    PRONOUNS
    | PLACES
    | _words("""
    somebody someone anybody anyone nobody everybody everyone person persons people human humans visitor visitors
    car cars vehicle vehicles object objects thing things
""")
)

# Words that are never content: pronouns, auxiliaries, prepositions, and what polite questions are padded with.
STOP = _words("""
    a an the this that these those it its itself i me my you your we us our one ones
    is are was were be been being am do does did done doing have has had having can could will would shall should may
    might must isn't aren't wasn't weren't don't doesn't didn't hasn't haven't hadn't can't couldn't won't not no nor
    never none nothing nobody any anything anyone anybody some something someone somebody all every everything everybody
    everyone each both more most much many few little lot lots such same other another
    of in on at to for from by with about into onto over under within during before after while when until since
    through between as than and or but if so then also too just only very really ever yet already again even else
    what which who whom whose where why how whether there here now oh well um uh
    get gets got getting make made let lets give list know think mean want like need happen happened happening going
    go goes went come comes came time times moment moments point points occasion occasions second seconds minute minutes
    hour hours long often actual actually exactly precisely approximately roughly earlier later recent total whole
    entire video videos clip clips footage file track session
    what's who's where's when's how's that's it's there's i'm i've they're he's she's s t
    thing things interesting important new particular certain possible kind sort type able clearly suddenly
""") | {"he", "she", "they", "him", "her", "them", "his", "their"}

# What a question is wrapped in: "would you be so kind as to tell me", "I'd like to know", "if you don't mind".
FRAME = _words("""
    please kindly hey hi hello ok okay so and but well now then also um uh er oh ah heedful actually just come on no yes
    tell show give say explain report confirm check verify find out let remind repeat answer me us i we you your my our
    i'd i'm i'll we'd we're like love need want wish wanted to know learn hear see understand be been am is are it
    that's would could can will may might do does don't did have has got any some a an the this that of for with about
    as if in kind nice good great glad happy grateful helpful enough possible possibly perhaps maybe able sure certain
    curious wondering wonder wondered interested asking question questions quick quickly idea remember recall whether
    mind help sorry bother trouble excuse pardon thank thanks much again quite really very one more thing something
    mean guess think believe suppose hope happen time moment when must should shall there ask excited
""")
# What is said to somebody rather than asked.
GREETINGS = _words("""
    hey hi hello hallo greetings good morning afternoon evening night day bye goodbye thanks thank you cheers please ok
    okay yes no yeah yep nope heedful there test testing welcome
""")
ASKING = _words("what when where which who whose whom how whether if why")
ORDERS = _words("tell show list give describe say name count summarise summarize repeat report explain find")
AUXILIARIES = _words("is are was were did does do has have had can could will would should") | {
    f"{verb}n't" for verb in ("is", "are", "was", "were", "did", "does", "do", "has", "have", "had")
}
PREPOSITIONS = _words("at in on for from to by since until during about with of")

# What questions are made of, beside the things that they are about.
FORM = _words("""
    number count counts counting counted duration length amount quantity total totals sum timestamp timestamps
    instant date clock start starts started starting begin begins began beginning begun end ends ended ending stop
    stops stopped stopping finish finishes finished finishing cease ceased over last lasts lasted lasting continue
    continues continued keep keeps kept keeping remain remains remained persist persisted take takes taken took
    taking place set pass passed elapse elapsed gone by past up down off across along away around near close next
    stretch stretches till used use uses showing turned turning popped popping ago period periods interval intervals
    segment segments instance instances bit bits span phase phases burst bursts turn turns far list lists describe
    mention give name show shows shown report reports detect detects detected detectable register registers
    registered perceive perceived observe observed capture captured record recorded recording pick picked present
    apparent come came comes occur exist exists existed audible visible visual noticeable discernible real single
    spoken made follow follows followed following approximate directly immediately right shortly soon afterwards
    afterward thereafter beforehand previously altogether together apart further additional extra different separate
    distinct individual several various anymore anyway maybe perhaps possibly please kindly sometime somewhere
    anywhere everywhere always sometimes frequently rarely meanwhile meantime continuous continuously constant
    constantly uninterrupted volume level position location spot direct directed toward towards sides true correct
    case fact alone myself yourself himself herself themselves completely fully entirely totally full complete exact
    precise without absence lack gap gaps break breaks interrupt interrupted interruption interruptions stay stayed
    stays staying blip hint trace glimpse catch caught sounded lasting rough either neither i'd i'll you'd we'd
    they've we've you've he'd she'd they'd who'd let's sort sorts kinds types
""")
