"""Tests of alerts as SNMP notifications."""
