"""The emulated AWS: MiniStack, and what it lacks of the services for machine learning.

It runs in an environment of its own (requirements.txt), as a process of its own:
`python -m rehearsal.emulator`. Nothing outside of this folder imports it.
"""
