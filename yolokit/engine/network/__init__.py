"""What a network is made of, and what it takes over from another one."""
