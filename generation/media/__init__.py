"""Media work: child processes, pictures, videos, downloads."""
