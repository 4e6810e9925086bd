"""A runner on a treadmill, drawn by the computer, whose every joint is known.

`scene` says what happens, `body` who runs, `gait` moves the joints, `camera` and `studio` film it,
`film` makes a phone's video of it, `truth` writes down what is true in it.
"""
