"""How many cheats verification finds and what it costs: `make verify-bench`, `make calibrate`.

cheats, edits   the catalogue; what a cheat changes in the scene
subjects        the scenes
kernels         on what frames are rendered
renders         whole frames of all of it, kept between runs
judge           the shipped decision, on arrays
predecessor     the rule that is compared with
roc, cost       what is counted and timed
table, plot     what is shown; `run` is the program
pairs           another: kinds of devices side by side, `docs/gpu.md`
calibrate       the other program: honest differences, for the shipped thresholds
"""
