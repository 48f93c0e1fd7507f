"""Handlers of the stacks' custom resources; they are deployed as this package."""
