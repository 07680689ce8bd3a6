#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints rules with the shape of kube-proxy's, for iptables-restore or for nft -f.

    kube_proxy_rules.py iptables|nft SERVICES ENDPOINTS

Service i is 10.96.0.0+i:80/TCP; its endpoint j is 10.128.0.0+i*ENDPOINTS+j:8080: what load_cluster.cc loads into Shunt.
"""
import argparse, base64, dataclasses, hashlib, ipaddress

FIRST_SERVICE = ipaddress.IPv4Address("10.96.0.0")
FIRST_ENDPOINT = ipaddress.IPv4Address("10.128.0.0")
POD_CIDR = "10.0.0.0/8"  # for the local-traffic detector: clients count as pods, which are not masqueraded


@dataclasses.dataclass(frozen=True)
class Cluster:
    services: int
    endpoints: int

    def service_address(self, service):
        return FIRST_SERVICE + service

    def endpoint_address(self, service, endpoint):
        return FIRST_ENDPOINT + service * self.endpoints + endpoint


def iptables_chain(prefix, of):
    digest = hashlib.sha256(of.encode()).digest()
    return f"KUBE-{prefix}-{base64.b32encode(digest).decode()[:16]}"


def iptables(cluster):
    """One line per service in KUBE-SERVICES, searched from top to bottom; a chain per service and per endpoint."""
    services = range(cluster.services)
    endpoints = range(cluster.endpoints)
    service_chain = [iptables_chain("SVC", f"ns/svc-{i}:p") for i in services]

    def endpoint_chain(i, j):
        return iptables_chain("SEP", f"ns/svc-{i}:p{j}")

    yield "*nat"
    for chain in ("KUBE-SERVICES", "KUBE-POSTROUTING", "KUBE-MARK-MASQ", "KUBE-NODEPORTS"):
        yield f":{chain} - [0:0]"
    for i in services:
        yield f":{service_chain[i]} - [0:0]"
        for j in endpoints:
            yield f":{endpoint_chain(i, j)} - [0:0]"
    for hook in ("PREROUTING", "OUTPUT"):
        yield f'-A {hook} -m comment --comment "kubernetes service portals" -j KUBE-SERVICES'
    yield '-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING'
    yield "-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN"
    yield "-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000"
    yield "-A KUBE-POSTROUTING -j MASQUERADE --random-fully"
    yield "-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000"
    for i in services:
        yield (f'-A KUBE-SERVICES -m comment --comment "ns/svc-{i}:p cluster IP" -m tcp -p tcp '
               f"-d {cluster.service_address(i)} --dport 80 -j {service_chain[i]}")
    yield "-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS"
    for i in services:
        yield (f'-A {service_chain[i]} -m comment --comment "ns/svc-{i}:p cluster IP" -m tcp -p tcp '
               f"-d {cluster.service_address(i)} --dport 80 ! -s {POD_CIDR} -j KUBE-MARK-MASQ")
        for j in endpoints:
            backend, left = cluster.endpoint_address(i, j), cluster.endpoints - j
            draw = f"-m statistic --mode random --probability {1 / left:.10f} " if left > 1 else ""
            yield f'-A {service_chain[i]} -m comment --comment "ns/svc-{i}:p" {draw}-j {endpoint_chain(i, j)}'
            yield f"-A {endpoint_chain(i, j)} -m comment --comment ns/svc-{i}:p -s {backend} -j KUBE-MARK-MASQ"
            yield (f"-A {endpoint_chain(i, j)} -m comment --comment ns/svc-{i}:p -m tcp -p tcp "
                   f"-j DNAT --to-destination {backend}:8080")
    yield "COMMIT"


NFT_HEAD = """\
add table ip kube-proxy
add chain ip kube-proxy services
add chain ip kube-proxy mark-for-masquerade
add chain ip kube-proxy masquerading
add chain ip kube-proxy nat-prerouting { type nat hook prerouting priority -100 ; }
add chain ip kube-proxy nat-output { type nat hook output priority -100 ; }
add chain ip kube-proxy nat-postrouting { type nat hook postrouting priority 100 ; }
add map ip kube-proxy service-ips { type ipv4_addr . inet_proto . inet_service : verdict ; }
add map ip kube-proxy service-nodeports { type inet_proto . inet_service : verdict ; }
add set ip kube-proxy nodeport-ips { type ipv4_addr ; }
add rule ip kube-proxy nat-prerouting jump services
add rule ip kube-proxy nat-output jump services
add rule ip kube-proxy nat-postrouting jump masquerading
add rule ip kube-proxy masquerading mark and 0x4000 == 0 return
add rule ip kube-proxy masquerading mark set mark xor 0x4000
add rule ip kube-proxy masquerading masquerade fully-random
add rule ip kube-proxy mark-for-masquerade mark set mark or 0x4000
add rule ip kube-proxy services ip daddr . meta l4proto . th dport vmap @service-ips
add rule ip kube-proxy services ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports"""


def nft(cluster):
    """One element per service in a map, looked up by hash; a chain per service and per endpoint."""
    services = range(cluster.services)
    endpoints = range(cluster.endpoints)

    def service_chain(i):
        return f"service-{hashlib.sha256(str(i).encode()).hexdigest()[:8].upper()}-ns/svc-{i}/tcp/p"

    def endpoint_chain(i, j):
        digest = hashlib.sha256(f"{i}.{j}".encode()).hexdigest()[:8].upper()
        return f"endpoint-{digest}-ns/svc-{i}/tcp/p__{cluster.endpoint_address(i, j)}/8080"

    yield NFT_HEAD
    for i in services:
        yield f"add chain ip kube-proxy {service_chain(i)}"
        for j in endpoints:
            yield f"add chain ip kube-proxy {endpoint_chain(i, j)}"
    for i in services:
        address = cluster.service_address(i)
        for j in endpoints:
            backend = cluster.endpoint_address(i, j)
            yield f"add rule ip kube-proxy {endpoint_chain(i, j)} ip saddr {backend} jump mark-for-masquerade"
            yield f"add rule ip kube-proxy {endpoint_chain(i, j)} meta l4proto tcp dnat to {backend}:8080"
        draws = " , ".join(f"{j} : goto {endpoint_chain(i, j)}" for j in endpoints)
        yield (f"add rule ip kube-proxy {service_chain(i)} ip daddr {address} tcp dport 80 "
               f"ip saddr != {POD_CIDR} jump mark-for-masquerade")
        yield f"add rule ip kube-proxy {service_chain(i)} numgen random mod {cluster.endpoints} vmap {{ {draws} }}"
        yield f"add element ip kube-proxy service-ips {{ {address} . tcp . 80 : goto {service_chain(i)} }}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("iptables", "nft"))
    parser.add_argument("services", type=int)
    parser.add_argument("endpoints", type=int)
    options = parser.parse_args()
    rules = {"iptables": iptables, "nft": nft}[options.kind]
    for line in rules(Cluster(options.services, options.endpoints)):
        print(line)


if __name__ == "__main__":
    main()
