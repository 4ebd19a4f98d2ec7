"""Training loops as strangers write them, each with one mistake or none, and what the doctor says of them."""
