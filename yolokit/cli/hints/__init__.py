"""What leads on: all options in words, and what the words of other trainers are here."""
