"""Recordings of many streams: what they hold, read and written.

container    Channel, Entry, Container            what every recording looks like from inside: MCAP, ROS bags
contents     Picture, Pcm, and the input messages  what a channel's bytes mean
mcap_index   file -> blocks                        where which messages lie; found again where the index is missing
mcap_file    McapFile                              MCAP in, past cuts and damage
mcap_writer  RecordingWriter                       MCAP out: chunks, rotation, safe to the last chunk
buslog       messages <-> entries                  what the bus said, as JSON
foxglove     contents <-> protobuf                 the message types that other viewers know
readers      channel -> decoder                    which of all these reads a channel
timeline     log times -> event time               hours in which nothing was recorded are left out
"""
