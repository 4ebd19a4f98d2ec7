"""What an exported page is made of: its HTML, its style and its scripts."""
