"""The studio: a person and a model write one piece together, in the browser.

From below: `document` is the piece as a value, `change` how one state of it becomes another, and
`edits` what people ask for. `lines` is a file that survives a kill at any byte, `history` the tree
of states in it, `projects` the folders of these files. `making` runs the model in a thread, by
`going_on` and `remaking`. `desk` holds the open project and answers what `asks` reads (by `fields`)
from messages; `pages` and `connection` carry both over WebSockets. `gate` decides who may come in,
`server` puts all together, and `command` is `howlkit studio`.
"""
