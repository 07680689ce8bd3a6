TCP and UDP are different frontends on one address and number, and an endpoint's port serves only its own protocol.

-- apply --
apiVersion: v1
kind: Service
metadata: {name: dns, namespace: shop}
spec:
  clusterIPs: [10.96.0.10]
  ports:
    - {name: dns, port: 53, protocol: UDP}
    - {name: dns-tcp, port: 53, protocol: TCP}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: dns-1, namespace: shop, labels: {kubernetes.io/service-name: dns}}
addressType: IPv4
ports: [{name: dns, port: 5353, protocol: UDP}, {name: dns-tcp, port: 5353, protocol: UDP}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: dns-2, namespace: shop, labels: {kubernetes.io/service-name: dns}}
addressType: IPv4
ports: [{name: dns-tcp, port: 5354, protocol: TCP}]
endpoints:
  - {addresses: [10.244.2.7], nodeName: node-b}

-- expect plan --
service shop/dns
  port dns 53/UDP IPv4
    10.96.0.10:53/UDP ClusterIP -> pool cluster
    pool cluster
      10.244.1.5:5353 weight 1, share 100.00%
    left out 10.244.2.7:0 of slice dns-2: no_port
  port dns-tcp 53/TCP IPv4
    10.96.0.10:53/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.2.7:5354 weight 1, share 100.00%
    left out 10.244.1.5:0 of slice dns-1: no_port

-- expect maps --
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:53/TCP ClusterIP -> service port 2, pool 1
frontend 10.96.0.10:53/UDP ClusterIP -> service port 1, pool 2
service port 1 shop/dns:dns 53/UDP IPv4
service port 2 shop/dns:dns-tcp 53/TCP IPv4
pool 1: backend 2
pool 2: backend 1
backend 1 10.244.1.5:5353
backend 2 10.244.2.7:5354
