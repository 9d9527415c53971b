"""Stand-ins for the programs that a demo machine may lack: php, composer, systemctl, what shows a web server, sshd.

They are copied into a sandbox and run there by `standin.py`, apart from dfwizard, with the standard library alone (sshd: and paramiko).
Each prints what the real program prints and does to the sandbox what the real one would; what it does not know ends with exit code 1.
"""
