"""Exam domain 3: deployment and orchestration of ML workflows."""
