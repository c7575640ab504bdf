"""From what was perceived to what can be recalled.

service     records in event order -> disk, clips, vectors; then `stored`, `clip`, and answers to `recall`
  clips     where one stream is cut into clips            describe  the short text of one record
  embed     text -> vector (bert: the encoder itself)     rows      what one message becomes on disk
  shortterm tokens of a clip within a budget              commits   on their way to disk, then announced
  writer    the one thread that commits, in groups        store     the one file, its lock, append and stats
  insert    rows into tables                              schema    opening it (migrations: its tables by version)
                                                          verify    is it sound?
  recall    one question -> what is relevant, and when    scope     the filter inside every search
  examples  what is like a record, clip or vector
                                                          fulltext  words (words: which ones a question is about)
                                                          ranking   what comes first of what was found
                                                          reader    records read back as hits
  space     one search space as the store has it now      index     its parts, searched as one
                                                          tail      the newest rows; segment: sealed ones in a file
                                                          columns   which rows a scope allows
                                                          codes     one bit per dimension (selector: their filter)
                                                          exact     float16 multiplied where it lies
                                                          batch     many queries at once, on a device if one is there
                                                          device    a GPU for FAISS (probe: whether it can be trusted)
  upkeep    the thread for all that happens beside        sealing   when rows become segments
                                                          consolidate, rollup   minutes, hours, days
                                                          retention what goes when (room: how full the disk is)
                                                          disk      files that are whole or not there
                                                          manifest  which of them count
  erasing   for good, with proof                          erase     the rows (erase_rollups, erase_letters)
                                                          remade    clips that lost some; traces: bytes in any file
  export    a folder for other programs                   take_in   and back (check_rows: what rows must be)
  protocol  what any engine must do and promise           embedded  SQLite and FAISS behind it
  lance     LanceDB behind it                             lance_table, lance_rows, lance_words, lance_erase
"""
