A NodePort answers on the addresses of the node's interfaces, and on loopback only for the host's own sockets. The rows
follow the interfaces, with or without Services.

-- node-addresses 192.0.2.1 2001:db8::1 host:127.0.0.1 host:::1 --

-- expect maps --
nothing

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: NodePort
  clusterIPs: [10.96.0.10]
  ports: [{name: http, port: 80, nodePort: 30080}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a}

-- expect plan --
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    0.0.0.0:30080/TCP NodePort -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 1, share 100.00%

-- expect maps --
frontend ::1 address node_address host_only
frontend 0.0.0.0:30080/TCP NodePort -> service port 1, pool 1
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
frontend 127.0.0.1 address node_address host_only
frontend 192.0.2.1 address node_address
frontend 2001:db8::1 address node_address
service port 1 shop/web:http 80/TCP IPv4
pool 1: backend 1
backend 1 10.244.1.5:8080

-- node-addresses 192.0.2.2 host:127.0.0.1 --

-- expect maps --
frontend 0.0.0.0:30080/TCP NodePort -> service port 1, pool 1
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
frontend 127.0.0.1 address node_address host_only
frontend 192.0.2.2 address node_address
service port 1 shop/web:http 80/TCP IPv4
pool 1: backend 1
backend 1 10.244.1.5:8080

-- delete Service shop/web --

-- expect maps --
nothing

-- node-addresses --

-- expect maps --
nothing
