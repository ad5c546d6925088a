"""A stand-in for a model: a new random result every five seconds, exposed as a Prometheus gauge."""

import random
import time

from prometheus_client import Gauge, start_http_server

PORT = 9000
SECONDS_BETWEEN_RESULTS = 5

model_result = Gauge("model_result", "Latest result of the mocked model, from 0 to 1")

if __name__ == "__main__":
    start_http_server(PORT)
    while True:
        model_result.set(random.random())
        time.sleep(SECONDS_BETWEEN_RESULTS)
