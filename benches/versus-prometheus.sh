#!/usr/bin/env bash
# The same range queries over the same samples, by a real Prometheus through its HTTP API and by `labkit query`:
# 1,000 series of a counter and of buckets, 2 hours at 5 s, a query at every 5 s of them. Times are CPU times of the two
# processes, answers as JSON included, the least of three rounds, so that other load on the machine counts little.
# Usage: benches/versus-prometheus.sh [RUNS]. Needs a release build, prometheus, promtool, curl and python3.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-5}
labkit=$PWD/target/release/labkit
for tool in "$labkit" prometheus promtool curl python3; do
    command -v "$tool" >/dev/null || { echo "$tool is missing"; exit 2; }
done
folder=$(mktemp -d)
server=
cleanup() {
    [ -z "$server" ] || { kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; }
    rm -rf "$folder"
}
trap cleanup EXIT

python3 - "$folder/samples.om" <<'PY'
import sys
begin, step, samples, series = 1_700_006_400, 5, 1440, 1000
modes, bounds = ["idle", "user", "system", "iowait"], ["0.1", "0.5", "1", "2.5", "+Inf"]
with open(sys.argv[1], "w") as out:
    out.write("# TYPE cpu_seconds counter\n")
    for i in range(series):
        labels = f'instance="host{i // 8}",cpu="{i % 8 // 4}",mode="{modes[i % 4]}"'
        for n in range(samples):
            out.write(f"cpu_seconds_total{{{labels}}} {n * (1 + i / 100):.6g} {begin + n * step}\n")
    out.write("# TYPE took gauge\n")
    for i in range(series):
        labels = f'instance="host{i // 5}",le="{bounds[i % 5]}"'
        for n in range(samples):
            out.write(f"took_bucket{{{labels}}} {n * (1 + i % 5)} {begin + n * step}\n")
    out.write("# EOF\n")
PY
# Prometheus' importer knows `took_bucket` as a series of its own when no histogram is declared.
sed -i 's/^# TYPE took gauge$/# TYPE took_bucket gauge/' "$folder/samples.om"
promtool tsdb create-blocks-from openmetrics "$folder/samples.om" "$folder/data" >/dev/null
printf 'global: {}\n' >"$folder/prometheus.yml"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
prometheus --config.file="$folder/prometheus.yml" --storage.tsdb.path="$folder/data" \
    --storage.tsdb.retention.time=100y --web.listen-address="127.0.0.1:$port" >"$folder/log" 2>&1 &
server=$!
for _ in $(seq 100); do
    curl -fs "http://127.0.0.1:$port/-/ready" >/dev/null 2>&1 && break
    sleep 0.2
done

LABKIT=$labkit FOLDER=$folder PORT=$port RUNS=$runs SERVER=$server python3 - <<'PY'
import json, os, resource, subprocess, urllib.parse, urllib.request
labkit, folder, port, runs, server = (os.environ[k] for k in ("LABKIT", "FOLDER", "PORT", "RUNS", "SERVER"))
start, end, step = 1_700_006_400, 1_700_006_400 + 1439 * 5, 5
queries = {
    "rate": "rate(cpu_seconds_total[1m])",
    "aggregation": "sum by (instance) (rate(cpu_seconds_total[1m]))",
    "subquery": "max_over_time(rate(cpu_seconds_total{mode=\"idle\"}[1m])[5m:30s])",
    "histogram_quantile": "histogram_quantile(0.9, sum by (instance, le) (rate(took_bucket[1m])))",
}

def server_cpu():
    fields = open(f"/proc/{server}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

def children_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime

def ask(query):
    given = urllib.parse.urlencode({"query": query, "start": start, "end": end, "step": step})
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query_range?{given}") as answer:
        return answer.read()

def batch(query, count):
    line = json.dumps({"query": query, "start": start, "end": end, "step": step})
    path = os.path.join(folder, "queries.jsonl")
    with open(path, "w") as out:
        out.write((line + "\n") * count)
    began = children_cpu()
    done = subprocess.run([labkit, "query", "--dialect", "2.42", "--data", f"{folder}/samples.om", "--queries", path],
                          check=True, capture_output=True)
    return children_cpu() - began, done.stdout.splitlines()

def series(body):
    result = json.loads(body)["data"]["result"]
    return {json.dumps(s["metric"], sort_keys=True): s["values"] for s in result}

def agree(a, b):
    return a.keys() == b.keys() and all(
        len(x) == len(b[k]) and all(p[0] == q[0] and abs(float(p[1]) - float(q[1])) <= 1e-9 * max(1, abs(float(q[1])))
                                    for p, q in zip(x, b[k])) for k, x in a.items())

def ask_often(query):
    began = server_cpu()
    for _ in range(count):
        ask(query)
    return (server_cpu() - began) / count

# Loading the samples is no part of a query: it is taken from the time of a batch.
count = int(runs)
for name, query in queries.items():
    body = ask(query)
    _, answers = batch(query, 1)
    rounds = [(ask_often(query), batch(query, 1)[0], batch(query, 1 + 4 * count)[0]) for _ in range(3)]
    theirs, once, many = (min(column) for column in zip(*rounds))
    ours = max((many - once) / (4 * count), 1e-4)
    same = agree(series(body), series(answers[0]))
    print(f"{name}: prometheus {1e3 * theirs:.0f} ms, labkit {1e3 * ours:.0f} ms, {theirs / ours:.1f} times faster, "
          f"answers {'agree' if same else 'DIFFER'}", flush=True)
PY
