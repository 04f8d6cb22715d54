"""NetworkPolicy for nodes whose pods hang on ptp veths: `render` makes one nftables table, the agent keeps it in force.

Not covered: IPv6 (the plug-in takes it from the pods), SCTP, hostPort, and the host of one node
to denied pods of another.
"""
