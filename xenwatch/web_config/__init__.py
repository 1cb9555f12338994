"""The web configuration file: TLS, basic authentication, headers, rate limit."""
