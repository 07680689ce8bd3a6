# SPDX-License-Identifier: Apache-2.0
"""Makes the objects of a cluster, as its users and its controllers write them."""

import ipaddress

import network

NAMESPACE = "default"
SERVICE_NAME_LABEL = "kubernetes.io/service-name"

_FIRST_POD = ipaddress.ip_network(network.POD_RANGE).network_address
_FIRST_POD_V6 = ipaddress.ip_network(network.POD_RANGE_V6).network_address


def pod_address(number):
    """Returns the address of pod 1, 2, ..."""
    return str(_FIRST_POD + number)


def pod_address_v6(number):
    return str(_FIRST_POD_V6 + number)


def service(name, ports=({"port": 80, "targetPort": 8080},), namespace=NAMESPACE, labels=None, annotations=None,
            **spec):
    """Returns a Service without a selector: the test writes its slices. Ports get a missing name or protocol."""
    named = [{"name": f"p{port['port']}-{port.get('protocol', 'TCP').lower()}", "protocol": "TCP", **port}
             for port in ports]
    if spec.get("type") == "ExternalName":
        named = None
    return {"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": namespace, "labels": labels or {},
                         "annotations": annotations or {}},
            "spec": {**({} if named is None else {"ports": named}), **spec}}


def endpoint(address, node=network.NODE_NAME, zone=None, **conditions):
    """Returns an endpoint, ready unless the conditions say otherwise."""
    made = {"addresses": [address], "nodeName": node, "conditions": {"ready": True, **conditions}}
    return made if zone is None else {**made, "zone": zone}


def endpoint_slice(of, endpoints, suffix="a", ports=((8080, "TCP"),), address_type=None, labels=None, annotations=None):
    """Returns a slice of the Service `of`, whose ports have the names that service() gives them. `endpoints` are
    addresses or made by endpoint().
    """
    endpoints = [endpoint(each) if isinstance(each, str) else each for each in endpoints]
    if address_type is None:
        address_type = "IPv6" if endpoints and ":" in endpoints[0]["addresses"][0] else "IPv4"
    spec_ports = of["spec"].get("ports", [])
    by_protocol = [(number, protocol, next((port["name"] for port in spec_ports if port["targetPort"] == number and
                                            port["protocol"] == protocol), None)) for number, protocol in ports]
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": f"{of['metadata']['name']}-{suffix}", "namespace": of["metadata"]["namespace"],
                         "labels": {SERVICE_NAME_LABEL: of["metadata"]["name"]} if labels is None else labels,
                         "annotations": annotations or {}},
            "addressType": address_type, "endpoints": endpoints,
            "ports": [{"name": name, "port": number, "protocol": protocol} for number, protocol, name in by_protocol]}


def node(name=network.NODE_NAME, zone="zone-a"):
    return {"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone}}}


def node_status():
    """Returns a status for patch_status of this test's own node."""
    return {"status": {"addresses": [{"type": "InternalIP", "address": network.NODE_ADDRESS},
                                     {"type": "InternalIP", "address": network.NODE_ADDRESS_V6},
                                     {"type": "Hostname", "address": network.NODE_NAME}]}}
