# A server and a client on this machine, with TLS.
# needs: curl openssl python3
set -euo pipefail
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -keyout key.pem -out certificate.pem 2>/dev/null
seq 100000 >data
python3 - >port <<'PYTHON' &
import http.server, ssl, sys
class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("localhost", 0), Quiet)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("certificate.pem", "key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
PYTHON
server=$!
trap 'kill $server' EXIT
until [ -s port ]; do sleep 0.05; done
url=https://localhost:$(cat port)/data
curl -sS --noproxy '*' --cacert certificate.pem "$url" | sha256sum
for i in $(seq 20); do curl -sS --noproxy '*' --cacert certificate.pem -r "$i-$((i + 9))" "$url" | wc -c & done
wait $(jobs -p | grep -v "^$server$")
curl -sS --noproxy '*' --cacert certificate.pem -o /dev/null -w '%{http_code}\n' "$url.none"
