One NodePort number may serve TCP and UDP of one Service, each with its own endpoints.

-- apply --
apiVersion: v1
kind: Service
metadata: {name: dns, namespace: shop}
spec:
  type: NodePort
  clusterIPs: [10.96.0.10]
  ports:
    - {name: dns, port: 53, protocol: UDP, nodePort: 30053}
    - {name: dns-tcp, port: 53, protocol: TCP, nodePort: 30053}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: dns-1, namespace: shop, labels: {kubernetes.io/service-name: dns}}
addressType: IPv4
ports: [{name: dns, port: 5353, protocol: UDP}, {name: dns-tcp, port: 5353, protocol: TCP}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a}

-- expect plan --
service shop/dns
  port dns 53/UDP IPv4
    10.96.0.10:53/UDP ClusterIP -> pool cluster
    0.0.0.0:30053/UDP NodePort -> pool cluster
    pool cluster
      10.244.1.5:5353 weight 1, share 100.00%
  port dns-tcp 53/TCP IPv4
    10.96.0.10:53/TCP ClusterIP -> pool cluster
    0.0.0.0:30053/TCP NodePort -> pool cluster
    pool cluster
      10.244.1.5:5353 weight 1, share 100.00%

-- expect maps --
frontend 0.0.0.0:30053/TCP NodePort -> service port 2, pool 1
frontend 0.0.0.0:30053/UDP NodePort -> service port 1, pool 2
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:53/TCP ClusterIP -> service port 2, pool 1
frontend 10.96.0.10:53/UDP ClusterIP -> service port 1, pool 2
service port 1 shop/dns:dns 53/UDP IPv4
service port 2 shop/dns:dns-tcp 53/TCP IPv4
pool 1: backend 1
pool 2: backend 1
backend 1 10.244.1.5:5353
