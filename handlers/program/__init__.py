"""What starts and runs processes."""
