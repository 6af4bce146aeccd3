"""A function of yours, and what hears how it went: the custom-runtime protocol in twenty lines.

    python3 examples/function.py 9000            # on loopback; another address may follow

`invoked` sends POST /invoke with the payload as body and the name of the function in x-fc-function-name. A 2xx is
success; the header `x-fc-status: 404` on the answer, or any other status, is a function error.
"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Function(BaseHTTPRequestHandler):
    def do_POST(self):
        payload = self.rfile.read(int(self.headers["content-length"] or 0))
        name = self.headers["x-fc-function-name"]
        print(f"{name} was given {payload.decode()}", flush=True)
        answer = b"" if name == "report" else payload.upper()
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        """Only what the function itself prints is worth a line."""


address = sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1"
ThreadingHTTPServer((address, int(sys.argv[1])), Function).serve_forever()
