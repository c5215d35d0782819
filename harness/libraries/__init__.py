"""Parts that know nothing of judging, and could be packages of their own: they import one another, and nothing above.

    config       settings in YAML that know where each value is written
    files        reading files that may be hostile, writing files that survive a power cut
    secrets      keys and values of the environment, out of all that is shown or written
    sealed       SQLite files that survive a crash and notice damage
    text         text from outside, for a terminal
    terminal     what libraries print there
    stopping     signals that end a command
    lazy         names of a package that are imported when they are used
    calls        functions of strangers that cannot be called as they will be
    telemetry    what other libraries report on their use

The rest of the harness uses them the way it uses click or pydantic: through their front doors, so that who reads the
harness need not read them. The door of a package is its `__init__`; `disguises` is a part of `secrets`. Their messages
are those that users of the harness see, so they speak of manifests and runs.
"""
