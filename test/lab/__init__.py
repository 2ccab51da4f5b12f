# SPDX-License-Identifier: MIT
"""Whole machines in namespaces, for the story and the script tests: see machine.py."""
