"""The Kubernetes plug-in for places where the official one can't be had: `pulumi-resource-kubernetes`, in Python.

It answers as the official plug-in does, so that a stack can be carried on by either. `provider` takes the engine's
requests; `naming`, `replacement`, `drift`, `importing`, `secret_data` and `annotations` are rules without a cluster;
`kubeconfig`, `client`, `discovery` and `cluster` reach one; `apply`, `writing` and `deletion` change it; `waiting` has
one file per kind that is waited for.
"""
