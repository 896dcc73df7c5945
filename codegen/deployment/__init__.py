"""What runs an emitted node: a configuration, a systemd unit, a container image, Compose and Kubernetes."""
