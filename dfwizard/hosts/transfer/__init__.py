"""Bulk transfers between two hosts, either of which may be this machine: resumable, compared by SHA-256, with progress.

Only the `Host` protocol is known here. What a lost link interrupts goes on where it stopped once the host is reached again.
"""

from dfwizard.hosts.transfer.files import copy_directory, copy_file, discard, unfinished
from dfwizard.hosts.transfer.progress import OnProgress, Progress
from dfwizard.hosts.transfer.trees import copy_tree

__all__ = ["OnProgress", "Progress", "copy_directory", "copy_file", "copy_tree", "discard", "unfinished"]
