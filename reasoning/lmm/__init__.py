"""An LMM of transformers as a streaming reasoner: one attention function, one cache, one logits rule.

attention      query, key, value -> output    stock sdpa where nothing is asked of it, else rows it can look into
grounding      Grounding                      what one answer's rows do with what they look at, and what they tell
redistribute   weights -> weights             VAR: from attention sinks to the picture
reinforce      head outputs -> gains          VHR: louder where a head listens to the picture
sinks          layer inputs -> sinks          which tokens are attention sinks
drop           frame tokens -> kept           what a frame shows that was not shown before, place by place
merge          frame tokens -> fewer          the overflow averaged into a few, which count for as many as they are
rotary         keys, shift -> keys            cached keys moved to other positions
cache          KV cache                       grows in place, forgets exactly, goes back to where it was

Tensors are torch's; B batch, H heads, T query rows, N keys, D head width, C model width, L layers.
"""
