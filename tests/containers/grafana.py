"""A stand-in for Grafana: the few calls of its HTTP API that a check makes, over the provisioned files and a real Prometheus."""

import base64
import glob
import json
import os
import re
import time
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PASSWORD = os.environ.get("GF_SECURITY_ADMIN_PASSWORD", "admin")
ADMIN = "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()


def sources():
    """The provisioned data sources, one for each `- name:` of the files."""
    found = []
    for path in glob.glob("/etc/grafana/provisioning/datasources/*.y*ml"):
        with open(path) as file:
            for part in re.split(r"(?m)^\s*- (?=name:)", file.read())[1:]:
                of = dict(re.findall(r"(?m)^\s*(name|uid|type|url|isDefault):\s*(\S+)", part))
                found.append({**of, "isDefault": of.get("isDefault") == "true"})
    return found


def dashboards():
    """The provisioned dashboards by uid."""
    paths = glob.glob("/var/lib/dashboards/*.json") + glob.glob("/etc/grafana/provisioning/dashboards/*.json")
    found = [json.load(open(path)) for path in paths]
    return {d["uid"]: d for d in found}


def frames(query):
    """The answer of Prometheus to a query of the last minutes, as frames."""
    start, end = (float(query[k]) / 1000 for k in ("from", "to"))
    ask = query["queries"][0]
    source = next(s for s in sources() if s["uid"] == ask["datasource"]["uid"])
    step = max(ask.get("intervalMs", 5000) / 1000, 1)
    params = urllib.parse.urlencode({"query": ask["expr"], "start": start, "end": end, "step": step})
    with urllib.request.urlopen(f"{source['url']}/api/v1/query_range?{params}", timeout=8) as answer:
        series = json.load(answer)["data"]["result"]
    return [
        {
            "schema": {"fields": [{"type": "time"}, {"type": "number", "labels": s["metric"]}]},
            "data": {"values": [[int(t * 1000) for t, _ in s["values"]], [float(v) for _, v in s["values"]]]},
        }
        for s in series
    ]


class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        path = urllib.parse.urlparse(self.path).path
        if path == "/api/health":
            return self.reply(200, {"database": "ok", "version": "12.1.0", "commit": "stand-in"})
        if self.headers.get("Authorization") != ADMIN:
            return self.reply(401, {"message": "Unauthorized"})
        if path == "/api/org":
            return self.reply(200, {"id": 1})
        if path == "/api/user":
            return self.reply(200, {"login": "admin"})
        if path == "/api/datasources":
            return self.reply(200, sources())
        if path == "/api/search":
            return self.reply(200, [{"uid": u, "title": d["title"], "type": "dash-db"} for u, d in dashboards().items()])
        if path.startswith("/api/dashboards/uid/"):
            found = dashboards().get(path.rsplit("/", 1)[1])
            if found:
                return self.reply(200, {"meta": {}, "dashboard": found})
        self.reply(404, {"message": "Not found"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Authorization") != ADMIN:
            return self.reply(401, {"message": "Unauthorized"})
        if urllib.parse.urlparse(self.path).path != "/api/ds/query":
            return self.reply(404, {"message": "Not found"})
        try:
            answer = {"status": 200, "frames": frames(json.loads(body))}
        except Exception as error:
            answer = {"status": 500, "error": str(error), "frames": []}
        self.reply(200, {"results": {"A": answer}})

    def reply(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    print("started", time.strftime("%H:%M:%S"), flush=True)
    ThreadingHTTPServer(("", 3000), Answers).serve_forever()
