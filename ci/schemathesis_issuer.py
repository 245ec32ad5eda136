"""An issuer of ID tokens for ci/schemathesis: its configuration, one key, and tokens that openssl has signed."""

import base64
import http.server
import json
import subprocess
import threading
import time


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """Serves from a thread that ends with this process."""

    def __init__(self, folder):
        self.key = folder / "issuer.pem"
        make = ["openssl", "genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
        subprocess.run([*make, "-out", self.key], check=True)
        modulus = ["openssl", "rsa", "-in", self.key, "-noout", "-modulus"]
        modulus = subprocess.run(modulus, check=True, capture_output=True, text=True).stdout
        n = bytes.fromhex(modulus.strip().removeprefix("Modulus="))
        issuer = self

        class Answers(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                key = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "first", "n": encoded(n), "e": "AQAB"}
                said = {
                    "/.well-known/openid-configuration": {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys"},
                    "/keys": {"keys": [key]},
                }.get(self.path)
                body = json.dumps(said).encode()
                self.send_response(200 if said else 404)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def token(self, audience, name):
        """A token of a job of octo/tool, whose owner has the number 65, that runs release.yml."""
        now = int(time.time())
        claims = {
            "iss": self.url, "aud": audience, "jti": name, "iat": now, "nbf": now, "exp": now + 3000,
            "repository": "octo/tool", "repository_owner_id": "65", "event_name": "push",
            "workflow_ref": "octo/tool/.github/workflows/release.yml@refs/tags/v1",
            "run_id": "1", "run_attempt": "1", "sha": "0" * 40,
        }
        header = {"typ": "JWT", "alg": "RS256", "kid": "first"}
        signed = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
        sign = ["openssl", "dgst", "-sha256", "-sign", self.key]
        signature = subprocess.run(sign, input=signed.encode(), check=True, capture_output=True).stdout
        return f"{signed}.{encoded(signature)}"
