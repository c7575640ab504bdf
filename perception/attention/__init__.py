"""Attention blocks of which the encoders are made: one file per box of a paper's figure.

window, channel, dual              the dual block (DaViT): windows of space, then groups of channels
causalconv, causalwindow,
causalchannel, causaldual          the same over time, frame by frame, with a state of constant size
selfattention, rollout, glca       plain blocks, what the class token drew from, a closer look at that (DCAL)
pairwise                           another row's tokens as distractors, in training only (DCAL)
crossgate, cmt, mutual             two streams into each other and into one (FE-LSD, GL-DMNet)
integration, taskscale             which channels of which sensor a task reads (M3Net)
height, localgate, deformable      radar and camera over one ground (MetaOcc)
egowarp                            what was there before, where it is now (MetaOcc)
restart                            what is kept between frames, forgotten for some streams
skip                               a state that each sensor that is present updates (MultiModN)
feedforward, droppath, groupnorm   small parts of the above
"""
