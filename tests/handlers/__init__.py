"""Tests of what people meet in the chat."""
