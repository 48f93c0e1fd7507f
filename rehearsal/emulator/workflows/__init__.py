"""What starts by itself and what follows: state machines, rules, schedules."""
