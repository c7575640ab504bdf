"""From what was perceived to what can be recalled.

service     records in event order -> disk, clips, vectors; then `stored`, `clip`, and answers to `recall`
  clips     where one stream is cut into clips            describe  the short text of one record
  embed     text -> vector (bert: the encoder itself)     rows      what one message becomes on disk
  writer    the one thread that commits, in groups        store     the one file, its lock, append and stats
                                                          schema    its tables and versions; verify: is it sound?
  recall    one question -> what is relevant, and when    scope     the filter inside every search
                                                          fulltext  words (words: which ones a question is about)
                                                          reader    records read back as hits
  space     one search space as the store has it now      index     its parts, searched as one
                                                          tail      the newest rows; segment: sealed ones in a file
                                                          columns   which rows a scope allows
                                                          exact     every vector of some rows
                                                          codes     one bit per dimension (selector: their filter)
  sealing   when rows become segments                     disk      files that are whole or not there
                                                          manifest  which of them count
"""
