"""Where commands run and files live: the Host interface, this machine, and machines over SSH."""
