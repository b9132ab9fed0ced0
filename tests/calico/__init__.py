"""What Calico's manifests and objects mean, tested on what real ones were."""
