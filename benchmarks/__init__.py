"""What Poise claims about itself, as commands that print it side by side with a peer."""
