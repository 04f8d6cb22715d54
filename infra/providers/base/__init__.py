"""What a Pulumi resource provider in Python needs beside its own matter.

`values` is what a property can be, `detailed_diff` compares two of them, `provider` is the class to derive from with
its typed requests, `engine` says things to the user, `server` speaks gRPC. The protocol is pulumirpc.ResourceProvider,
as the SDK ships it in `pulumi.runtime.proto`.
"""
