"""nginx's configuration as text: the page, and the four questions that it may ask Prometheus and Alertmanager."""

from typing import Final

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)
"""Everything is the page's own: it works where there is no other network, and nothing can be slipped into it."""

_TYPES: Final = "text/html html; text/css css; text/javascript js; application/json json; image/svg+xml svg;"


def configuration(
    *, port: int, root: str, environment_file: str, prometheus: str, alertmanager: str, scratch: str
) -> str:
    """The configuration; `prometheus` and `alertmanager` are HOST:PORT, `scratch` is a folder that may be written."""

    def question(path: str, to: str) -> str:
        # neither headers nor a body of the client's: the question is the query string
        return f"""\
        location = {path} {{
            limit_except GET {{ deny all; }}
            proxy_pass http://{to};
            proxy_pass_request_headers off;
            proxy_pass_request_body off;
        }}
"""

    questions = "".join(
        question(path, to)
        for path, to in (
            ("/api/v1/query", prometheus),
            ("/api/v1/query_range", prometheus),
            ("/api/v1/alerts", prometheus),
            ("/api/v2/alerts", alertmanager),
        )
    )
    temporary = "".join(
        f"    {name}_temp_path {scratch}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""\
daemon off;
pid {scratch}/nginx.pid;
error_log stderr warn;
worker_processes 1;
events {{ worker_connections 512; }}
http {{
    access_log off;
    server_tokens off;
    types {{ {_TYPES} }}
    default_type application/octet-stream;
    charset utf-8;
    charset_types text/css text/javascript application/json image/svg+xml;
    gzip on;
    gzip_proxied any;
    gzip_types text/css text/javascript application/json image/svg+xml;
    client_max_body_size 1k;
    client_header_timeout 10s;
    proxy_connect_timeout 2s;
    proxy_read_timeout 12s;
{temporary}\
    server {{
        listen {port};
        root {root};
        index index.html;
        add_header Content-Security-Policy "{CONTENT_SECURITY_POLICY}" always;
        add_header X-Content-Type-Options nosniff always;
        add_header Referrer-Policy no-referrer always;
        add_header Cache-Control no-cache always; # asked again each time, answered 304 where nothing is new
        location / {{
            limit_except GET {{ deny all; }}
            try_files $uri $uri/index.html =404;
        }}
        location = /environment.json {{ alias {environment_file}; }}
        location = /healthy {{ return 200 "ok\\n"; }}
{questions}\
    }}
}}
"""
