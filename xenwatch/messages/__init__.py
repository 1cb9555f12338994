"""What xapi and xcp-rrdd are told by root alone, for a daemon that is not root.

The daemon asks in one line of JSON and is answered in one; what is asked is checked here again.
"""
