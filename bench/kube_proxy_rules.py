#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rules with the shape of kube-proxy's: kube_proxy_rules.py iptables|nft N B [change]; VIP i = 10.96.0.0+i:80, backends 10.128.0.0+i*B+j:8080"""
import sys, ipaddress, hashlib, base64
mode, N, B = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
change = sys.argv[4] if len(sys.argv) > 4 else None
CIDR = "10.0.0.0/16"
ip = lambda base, o: str(ipaddress.ip_address((base << 16) + o))
vip = lambda i: ip(0x0a60, i); be = lambda i, j: ip(0x0a80, i * B + j)
h = lambda p, s: "KUBE-" + p + "-" + base64.b32encode(hashlib.sha256(s.encode()).digest()).decode()[:16]
o = []; w = o.append
if mode == "iptables":
    svcs = range(N)
    svc = [h("SVC", f"ns/svc-{i}:p") for i in svcs]
    def sep(i, j, gen=0): return h("SEP", f"ns/svc-{i}:p{j}g{gen}")
    w("*nat")
    for c in ("KUBE-SERVICES", "KUBE-POSTROUTING", "KUBE-MARK-MASQ", "KUBE-NODEPORTS"): w(f":{c} - [0:0]")
    todo = [N - 1] if change else svcs
    g = 1 if change else 0
    for i in todo:
        w(f":{svc[i]} - [0:0]")
        for j in range(B): w(f":{sep(i,j,g if j==0 else 0)} - [0:0]")
        if change: w(f":{sep(i,0,0)} - [0:0]")
    if not change:
        w('-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES')
        w('-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES')
        w('-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING')
    w('-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN')
    w('-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000')
    w('-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully')
    w('-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000')
    for i in svcs:
        w(f'-A KUBE-SERVICES -m comment --comment "ns/svc-{i}:p cluster IP" -m tcp -p tcp -d {vip(i)} --dport 80 -j {svc[i]}')
    w('-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS')
    for i in todo:
        w(f'-A {svc[i]} -m comment --comment "ns/svc-{i}:p cluster IP" -m tcp -p tcp -d {vip(i)} --dport 80 ! -s {CIDR} -j KUBE-MARK-MASQ')
        for j in range(B):
            gg = g if j == 0 else 0
            p = f"-m statistic --mode random --probability {1/(B-j):.10f} " if j < B - 1 else ""
            w(f'-A {svc[i]} -m comment --comment "ns/svc-{i}:p -> {be(i,j)}:8080" {p}-j {sep(i,j,gg)}')
            w(f'-A {sep(i,j,gg)} -m comment --comment ns/svc-{i}:p -s {be(i,j)} -j KUBE-MARK-MASQ')
            w(f'-A {sep(i,j,gg)} -m comment --comment ns/svc-{i}:p -m tcp -p tcp -j DNAT --to-destination {be(i,j)}:8080')
    if change: w(f"-X {sep(N-1,0,0)}")
    w("COMMIT")
else:
    name = lambda i: f"service-{hashlib.sha256(str(i).encode()).hexdigest()[:8].upper()}-ns/svc-{i}/tcp/p"
    ep = lambda i, j, g=0: f"endpoint-{hashlib.sha256(f'{i}.{j}.{g}'.encode()).hexdigest()[:8].upper()}-ns/svc-{i}/tcp/p__{be(i,j)}/8080"
    def eprules(i, j, g=0):
        w(f"add rule ip kube-proxy {ep(i,j,g)} ip saddr {be(i,j)} jump mark-for-masquerade")
        w(f"add rule ip kube-proxy {ep(i,j,g)} meta l4proto tcp dnat to {be(i,j)}:8080")
    def svcrules(i, g=0):
        w(f"add rule ip kube-proxy {name(i)} ip daddr {vip(i)} tcp dport 80 ip saddr != {CIDR} jump mark-for-masquerade")
        w(f"add rule ip kube-proxy {name(i)} numgen random mod {B} vmap {{ " + " , ".join(f"{j} : goto {ep(i,j,g if j==0 else 0)}" for j in range(B)) + " }")
    if change:
        i = N - 1
        w(f"add chain ip kube-proxy {ep(i,0,1)}"); eprules(i, 0, 1)
        w(f"flush chain ip kube-proxy {name(i)}"); svcrules(i, 1)
        w(f"flush chain ip kube-proxy {ep(i,0,0)}"); w(f"delete chain ip kube-proxy {ep(i,0,0)}")
    else:
        w("add table ip kube-proxy { comment \"rules for kube-proxy\" ; }")
        for c in ("services", "mark-for-masquerade", "masquerading", "nodeports"): w(f"add chain ip kube-proxy {c}")
        w("add chain ip kube-proxy nat-prerouting { type nat hook prerouting priority -100 ; }")
        w("add chain ip kube-proxy nat-output { type nat hook output priority -100 ; }")
        w("add chain ip kube-proxy nat-postrouting { type nat hook postrouting priority 100 ; }")
        w("add map ip kube-proxy service-ips { type ipv4_addr . inet_proto . inet_service : verdict ; }")
        w("add map ip kube-proxy service-nodeports { type inet_proto . inet_service : verdict ; }")
        w("add set ip kube-proxy nodeport-ips { type ipv4_addr ; }")
        w("add rule ip kube-proxy nat-prerouting jump services"); w("add rule ip kube-proxy nat-output jump services")
        w("add rule ip kube-proxy nat-postrouting jump masquerading")
        w("add rule ip kube-proxy masquerading mark and 0x4000 == 0 return"); w("add rule ip kube-proxy masquerading mark set mark xor 0x4000"); w("add rule ip kube-proxy masquerading masquerade fully-random")
        w("add rule ip kube-proxy mark-for-masquerade mark set mark or 0x4000")
        w("add rule ip kube-proxy services ip daddr . meta l4proto . th dport vmap @service-ips")
        w("add rule ip kube-proxy services ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports")
        for i in range(N):
            w(f"add chain ip kube-proxy {name(i)}")
            for j in range(B): w(f"add chain ip kube-proxy {ep(i,j)}")
        for i in range(N):
            for j in range(B): eprules(i, j)
            svcrules(i)
            w(f"add element ip kube-proxy service-ips {{ {vip(i)} . tcp . 80 : goto {name(i)} }}")
print("\n".join(o))
