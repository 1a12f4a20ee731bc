"""Parts of a program that an exported graph can hold: preparing the image, choosing the boxes."""
