"""An LMM of transformers as a streaming reasoner: one attention function, one cache, one logits rule.

attention      query, key, value -> output    stock sdpa where nothing is asked of it, else rows it can look into
grounding      Grounding                      what one answer's rows do with what they look at, and what they tell
redistribute   weights -> weights             VAR: from attention sinks to the picture
reinforce      head outputs -> gains          VHR: louder where a head listens to the picture
tworows        question -> heads              scored by a second row that sees no picture
sinks          layer inputs -> sinks          which tokens are attention sinks
drop           frame tokens -> kept           what a frame shows that was not shown before, place by place
merge          frame tokens -> fewer          the overflow averaged into a few, which count for as many as they are
ingest         frame tokens -> piece          both of them, at their true positions
rotary         keys, shift -> keys            cached keys moved to other positions
cache          KV cache                       grows in place, forgets exactly, goes back to where it was
leaving        window -> frames               which of them are too many, or too far back
blocks         question -> frames             what left the window, found again
contrast       logits -> logits               what the words alone would say is taken away
alignment      looks -> frames and boxes      what an answer looked at
pack           picture -> patches             as the image processors do, without torchvision
families       Family                         what differs between six families of models
chat           text -> tokens                 in the form a model was taught, without anybody's control tokens
looking        answer -> sentences            what each of them looked at and relied on
stretches      frames -> stretches of time    those next to each other that were looked at are one
watch          frames, prompt -> sentences    one session: what every sentence rests on
level          Lmm -> reliance                what leaning on nothing amounts to
answer         question -> tokens             brought back, read, answered, forgotten
load           name -> Lmm                    from a folder or the hub: no pickles, no code of the model's own
stream         LmmStream                      frames in, questions that leave no trace

Tensors are torch's; B batch, H heads, T query rows, N keys, D head width, C model width, L layers.
"""
