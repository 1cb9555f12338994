"""Passes: probes run at their own pace, each new snapshot is assessed, and rendered when asked."""
