"""The market's checks on a machine with a graphics card: `make gpu-kit`, docs/gpu.md.

pack        everything that a bare Linux machine needs, in parts small enough to be sent one by one
unpack.sh   puts the parts together there
check       one run of all that fits into ten minutes
"""
