"""Commands in a container with nothing but the official Python client: its WebSockets are of version 4.

Usage: stream-exec.py POD CONTAINER. Prints what each command said, and how it ended.
"""
import sys

from kubernetes import client, config
from kubernetes.stream import portforward, stream

pod, container = sys.argv[1:3]
config.load_kube_config()
core = client.CoreV1Api()

whole = stream(
    core.connect_get_namespaced_pod_exec, pod, "default", container=container,
    command=["sh", "-c", "echo out; echo err >&2"], stderr=True, stdin=False, stdout=True, tty=False,
)
print("whole", sorted(whole.split()))

talk = stream(
    core.connect_get_namespaced_pod_exec, pod, "default", container=container, command=["sh"],
    stderr=True, stdin=True, stdout=True, tty=False, _preload_content=False,
)
talk.write_stdin("echo heard; exit 5\n")
talk.run_forever(timeout=20)
print("talk", talk.read_stdout().strip(), talk.returncode)

forward = portforward(core.connect_get_namespaced_pod_portforward, pod, "default", ports="8080")
socket = forward.socket(8080)
socket.setblocking(True)
socket.sendall(b"GET / HTTP/1.0\r\n\r\n")
print("forward", socket.makefile().readline().strip(), forward.error(8080))
socket.close()
