"""How perception's models learn: one loop for all of them.

loop         steps, schedule, deadline, and going on where a run was stopped
checkpoint   a run in one file: weights, their average, the optimizer's state
curves       what was measured on the way, as lines and as a picture
yard         windows of the yard as batches with what is true, kept on disk
"""
