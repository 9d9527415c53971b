"""Facts, rules and wishes become checks and a plan of steps."""
