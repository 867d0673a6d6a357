"""`standpipe setup`: its questions, the source of the answers, and the settings that follow from them."""
