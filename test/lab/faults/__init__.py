# SPDX-License-Identifier: MIT
"""Nobody is ever locked out, nothing is ever half done, the status never lies: all.py plays what proves it."""
