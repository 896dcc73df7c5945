"""A world for real replicas of emitted processes: time, network, disks and faults, all from one seed."""
