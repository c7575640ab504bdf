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
"""
