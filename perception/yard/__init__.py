"""The yard: a small world whose truth is known, seen by a rig with camera, two microphones, radar and event camera.

kinds        what there can be: classes with size, speed, echo and sound; colours; how likely each is
settings     WorldSettings                         what a world is made from, checked; splits that share nothing
track        Track                                 a way with stops and corners
world        World: entities, rig, light           where everything is at any time
plot         World -> plot events                  what happens
script       settings, seed -> World               who comes, and where they go
sightlines   Sightlines                            what walls stand between
echoes       World -> Echoes                       what throws a radar's waves back
radar        Radar: sweep                          points with range, bearing, Doppler and echo
voices       Voice -> sound                        how things sound at their source
ears         Ears: block                           two microphones
motion       RigMotion, calibrations               the rig's pose, inertial sensor, and where its sensors sit
truth        Truth <-> JSON                        what is true at a moment
shapes       World -> Boxes                        what things are built of
lens         Lens                                  the picture's size and rays
casting      Boxes, moments -> Sights              where rays meet boxes
view         World, moments -> View, Truth         what is seen of each thing
ground       Ground                                sky, and ground with texture
light        LIGHTING                              day, dusk, night, fog
stage        Stage: moments -> Scene               the nearest surface at each pixel
camera       Camera: moments -> pictures           with light and noise
jpeg         picture -> JPEG                       the same bytes on every processor
pixels       Pixels: brightness -> events          the contrast-threshold model
eventcam     EventCamera: spans -> events, maps    the same view, rendered more often
evt3         events -> EVT3 words                  as a camera sends them
record       seed -> MCAP                           a world as a recording like any other
window       World -> Window                      all sensors at two samples a second, to learn from
scene        truths -> Scene                       what could be seen, heard and sensed, and when
question     Question, Answer, Evidence            what is asked, and what is true
words        vocabulary <-> text                   synonyms, numbers, spans, clock times
mentions     Mention, Point, Period <-> text       how things, moments and stretches of time are named
forms        FORMS                                 every kind of question with its phrasings
phrases      Ask <-> text                          the grammar
verdicts     Verdict                               what is meant, and whether anybody could know
momentrules, pastrules, darkrules, happenings      what is true of a moment, of what has been, of the dark
readable     text -> examples                      what can be asked instead of what it cannot read
claimrules   Ask -> Verdict                        whether it was that many, in that order, at that time
oracle       text, truths -> answer                all of it by rule
proposals    Scene -> Ask                          what could be asked
questions    truths, seed -> questions             what is asked, its answers balanced
negatives    truths, seed -> polls                 nine kinds of things that were not so
claims       Scene -> polls                        of which three: one too many, the other order, another time
sayings      Answer -> text                        every way to say it
denials      text -> clauses                       what it affirms and what it denies
answers      text -> Answer, judge                 exact, with synonyms
blind        training -> Blind                     what is answered most often to such words
baselines    majority, balance                     what one scores without looking
draws        draw_one, draw_weighted               seeded choices
"""
