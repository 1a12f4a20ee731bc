"""The command line: signatures and printing; every body imports what it needs when it runs."""
