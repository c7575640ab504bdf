"""Radar: sweeps of points in, what somebody does in front of it out.

sweeps        lists of points as one padded tensor; what is no point is left out
encoder       points -> pillars -> columns of height -> dual blocks over time -> a token a sweep
classifier    the encoder with its activity head, over a window of sweeps
pointnet      the plain baseline
recordings    folders of recorded sweeps with one activity each, and their windows
textdump      the published text dumps (RadHAR) as such recordings
augment       one window as other rooms, persons and radars might have given it
lesson        what the training loop learns from recordings, and which of them are held out
likeness      whether a window is like those of the training
weights       a trained model in one file
activity      the leaf: sweeps with their times in, activities out
"""
