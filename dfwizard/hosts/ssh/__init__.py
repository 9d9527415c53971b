"""Machines reached over SSH. The only room that knows paramiko; it is imported late, when a host is opened."""
