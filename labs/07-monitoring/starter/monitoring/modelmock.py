"""A model that is not there: gives a random result every five seconds."""

import random
import time

from prometheus_client import Gauge, start_http_server

PROMETHEUS_PORT = 9000

RESULT = Gauge("model_result", "Result of the mocked model")


def main() -> None:
    start_http_server(PROMETHEUS_PORT)
    while True:
        RESULT.set(random.random())
        time.sleep(5)


if __name__ == "__main__":
    main()
