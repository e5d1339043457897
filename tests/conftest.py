"""What holds for all tests."""

from hypothesis import settings

# How long one example takes says how busy the machine is, and nothing about the code.
settings.register_profile("house", deadline=None)
settings.load_profile("house")
