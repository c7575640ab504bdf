"""All sensors together: what their encoders tell becomes one scene, and heads read it.

scene   tokens of any set of sensors on one clock -> a fixed number of scene tokens, and which sensors are blind
heads   scene tokens -> what is where, what goes on, what is heard, and which ground is taken
sets    what heads say of a set of things against the truth: an assignment, then losses
"""
