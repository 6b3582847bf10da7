"""The pages, one file each: its routes, the context of its template, and what it reads."""
