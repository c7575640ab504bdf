"""Event cameras: their words in, canonical arrays out; maps for encoders, and what moved without any learning.

arrays                                  events as a structure of arrays
words, evt2, evt3, libcaer, decoders    words of a stream, in chunks of any size -> events
rawfile, aedat4, eventfile               files of their own -> packets
sieve                                   what is outside the sensor or out of order is dropped and counted
tensors                                 events on a device
grids, windows, surfaces                histogram, voxel grid, EST by windows; time surface and TORE with their state
encoder                                 maps -> tokens, causal in time
clock, activity, stream                 what moved: windows on the stream's clock, a coarse grid of rates, records
"""
