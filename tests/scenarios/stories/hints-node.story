When every ready endpoint has node hints and one names this node, those that name it take the traffic; if none
names it, the zone hints beside them decide.

-- apply --
apiVersion: v1
kind: Node
metadata: {name: node-a, labels: {topology.kubernetes.io/zone: a}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  clusterIPs: [10.96.0.10]
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec:
  clusterIPs: [10.96.0.11]
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a, hints: {forNodes: [{name: node-a}], forZones: [{name: a}]}}
  - {addresses: [10.244.1.9], nodeName: node-d, hints: {forNodes: [{name: node-d}], forZones: [{name: a}]}}
  - {addresses: [10.244.2.7], nodeName: node-b, hints: {forNodes: [{name: node-b}], forZones: [{name: b}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: api-1, namespace: shop, labels: {kubernetes.io/service-name: api}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.1.8], nodeName: node-d, hints: {forNodes: [{name: node-d}], forZones: [{name: a}]}}
  - {addresses: [10.244.2.8], nodeName: node-b, hints: {forNodes: [{name: node-b}], forZones: [{name: b}]}}

-- expect plan --
service shop/api
  port http 80/TCP IPv4
    10.96.0.11:80/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.1.8:8080 weight 1, share 100.00%
      10.244.2.8:8080 keeps its flows
    left out 10.244.2.8:8080 of slice api-1: other_zone
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 1, share 100.00%
      10.244.1.9:8080 keeps its flows
      10.244.2.7:8080 keeps its flows
    left out 10.244.1.9:8080 of slice web-1: other_node
    left out 10.244.2.7:8080 of slice web-1: other_node

-- expect maps --
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 2, pool 1
frontend 10.96.0.11 address cluster_ip
frontend 10.96.0.11:80/TCP ClusterIP -> service port 1, pool 2
service port 1 shop/api:http 80/TCP IPv4
service port 2 shop/web:http 80/TCP IPv4
pool 1: backend 1, backend 3 (or 1 beyond 0.00%), backend 4 (or 1 beyond 0.00%)
pool 2: backend 2, backend 5 (or 2 beyond 0.00%)
backend 1 10.244.1.5:8080
backend 2 10.244.1.8:8080
backend 3 10.244.1.9:8080
backend 4 10.244.2.7:8080
backend 5 10.244.2.8:8080
