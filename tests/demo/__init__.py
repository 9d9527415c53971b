"""The demo: scenarios run through, sandboxes built and taken away, stand-ins held to what they stand for."""
