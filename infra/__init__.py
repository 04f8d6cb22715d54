"""What is deployed: the Pulumi program, its components and providers, the images and the embedded node."""
