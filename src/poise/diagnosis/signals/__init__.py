"""What can be measured without knowing the loss: one small file for each quantity or family of them."""
