"""A run in one file, to hand over: written, signed, and read again by somebody who trusts none of it.

run folder  --write_bundle-->  bundle  --unpack_bundle-->  journal, recorded numbers  --verify_run-->  rows that hold

A bundle is data. Reading one imports nothing that it names: metrics and formats are those of installed plugins.
"""
