"""Passes: probes run at their own pace, and each new snapshot is assessed and rendered."""
