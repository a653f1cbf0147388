"""A controller with nothing but the official Python client: of several that run, the leader keeps a copy of every ConfigMap with a label.

Usage: copier.py NAME NAMESPACE. Prints a line for whatever it does.
"""
import sys

from kubernetes import client, config, watch
from kubernetes.client.rest import ApiException
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.configmaplock import ConfigMapLock

name, namespace = sys.argv[1:3]
config.load_kube_config()
core = client.CoreV1Api()


def say(*words):
    # In one piece: the library writes lines of its own meanwhile.
    sys.stdout.write(" ".join([name, *words]) + "\n")
    sys.stdout.flush()


def copy(source):
    """Makes the copy, or patches it; the source owns it."""
    copied = source.metadata.name + "-copy"
    owner = client.V1OwnerReference(
        api_version="v1", kind="ConfigMap", name=source.metadata.name, uid=source.metadata.uid
    )
    body = client.V1ConfigMap(
        metadata=client.V1ObjectMeta(name=copied, owner_references=[owner]), data=source.data
    )
    try:
        core.create_namespaced_config_map(namespace, body)
        say("created", copied)
    except ApiException as refused:
        if refused.status != 409:
            raise
        core.patch_namespaced_config_map(copied, namespace, {"data": source.data})
        say("patched", copied)


def lead():
    """Lists, then watches from there; begins again when what it knows is too old."""
    say("leads")
    while True:
        found = core.list_namespaced_config_map(namespace, label_selector="copy=yes", limit=2)
        while True:
            for source in found.items:
                copy(source)
            if not found.metadata._continue:
                break
            found = core.list_namespaced_config_map(
                namespace, label_selector="copy=yes", limit=2, _continue=found.metadata._continue
            )
        version = found.metadata.resource_version
        try:
            stream = watch.Watch().stream(
                core.list_namespaced_config_map,
                namespace,
                label_selector="copy=yes",
                resource_version=version,
                timeout_seconds=60,
            )
            for event in stream:
                say("saw", event["type"], event["object"].metadata.name)
                if event["type"] in ("ADDED", "MODIFIED"):
                    copy(event["object"])
        except ApiException as refused:
            if refused.status != 410:
                raise
            say("begins again")


lock = ConfigMapLock("copier", namespace, name)
election = electionconfig.Config(
    lock,
    lease_duration=3,
    renew_deadline=2,
    retry_period=1,
    onstarted_leading=lead,
    onstopped_leading=lambda: say("leads no more"),
)
leaderelection.LeaderElection(election).run()
