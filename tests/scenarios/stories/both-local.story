With both policies Local, a client on the node reaches only the node's own endpoints by the ClusterIP, but all endpoints
by a NodePort.

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: NodePort
  clusterIPs: [10.96.0.10]
  ports: [{name: http, port: 80, nodePort: 30080}]
  internalTrafficPolicy: Local
  externalTrafficPolicy: Local
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a}
  - {addresses: [10.244.2.7], nodeName: node-b}

-- expect plan --
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool local
    0.0.0.0:30080/TCP NodePort -> pool cluster, from outside pool local
    pool cluster
      10.244.1.5:8080 weight 1, share 50.00%
      10.244.2.7:8080 weight 1, share 50.00%
    pool local
      10.244.1.5:8080 weight 1, share 100.00%
      10.244.2.7:8080 keeps its flows
    left out 10.244.2.7:8080 of slice web-1: local not_local

-- expect maps --
frontend 0.0.0.0:30080/TCP NodePort -> service port 1, pool 1, from outside pool 2
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 2
service port 1 shop/web:http 80/TCP IPv4
pool 1: backend 1, backend 2
pool 2: backend 1, backend 2 (or 1 beyond 0.00%)
backend 1 10.244.1.5:8080
backend 2 10.244.2.7:8080
