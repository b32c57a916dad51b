"""What services that answer over HTTP have in common: limits of requests and connections, threads, refusals."""
