"""What several tests need: services' own models, JSONata, jobs on this computer."""
