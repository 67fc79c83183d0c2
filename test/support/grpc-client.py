"""A proxyless gRPC client on C-core, the counterpart of grpc-client-main.ts: the same calls, the same lines."""
import json
import signal
import sys
import threading

import grpc

EVERY_S = 0.02
CALL_DEADLINE_S = 2

over = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: over.set())


def main(target):
    with grpc.insecure_channel(target) as channel:
        say = channel.unary_unary("/meshbridge.test.Echo/Say", request_serializer=lambda value: json.dumps(value).encode())
        while not over.wait(EVERY_S):
            try:
                line = f"ok {json.loads(say({}, timeout=CALL_DEADLINE_S))['port']}"
            except grpc.RpcError as error:
                line = f"error {error.code().value[0]} {error.details()}"
            print(line, flush=True)


main(sys.argv[1])
