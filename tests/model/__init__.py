"""The synthetic host against real ones and against numbers counted by hand."""
