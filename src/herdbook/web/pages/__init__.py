"""The pages, one file each: its routes, its context, and what it reads for them."""
