"""Plans and runs written for people and machines: script, runbook, Markdown, JSON."""
