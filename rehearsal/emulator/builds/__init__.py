"""CodeBuild: builds that really run, under the project's role, with a `docker` that runs nothing.

There is no Docker here. Of a Dockerfile everything is done but RUN: what a stage copies and sets
becomes an image of its sources, pushed into the emulated registry, and run as a process.
"""
