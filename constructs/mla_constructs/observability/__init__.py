"""Logs, alarms and who hears of them."""
