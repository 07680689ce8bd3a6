When no endpoint of the cluster is ready, those that terminate and still serve take the traffic, wherever they are and
whatever their hints say; one that no longer serves never does. As soon as one is ready again, it gets all traffic.

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
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a, conditions: {ready: false, serving: false, terminating: false}}
  - {addresses: [10.244.2.7], nodeName: node-b, conditions: {ready: false, serving: true, terminating: true}, hints: {forZones: [{name: b}]}}
  - {addresses: [10.244.3.9], nodeName: node-c, conditions: {ready: false, serving: true, terminating: true}, hints: {forZones: [{name: a}]}}
  - {addresses: [10.244.3.11], nodeName: node-c, conditions: {ready: false, serving: false, terminating: true}}

-- expect plan --
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.2.7:8080 weight 1, share 50.00%
      10.244.3.9:8080 weight 1, share 50.00%
    left out 10.244.1.5:8080 of slice web-1: not_ready
    left out 10.244.3.11:8080 of slice web-1: not_serving

-- expect maps --
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
service port 1 shop/web:http 80/TCP IPv4
pool 1: backend 1, backend 2
backend 1 10.244.2.7:8080
backend 2 10.244.3.9:8080

-- apply --
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a, conditions: {ready: true, serving: true, terminating: false}}
  - {addresses: [10.244.2.7], nodeName: node-b, conditions: {ready: false, serving: true, terminating: true}}
  - {addresses: [10.244.3.9], nodeName: node-c, conditions: {ready: false, serving: true, terminating: true}}
  - {addresses: [10.244.3.11], nodeName: node-c, conditions: {ready: false, serving: false, terminating: true}}

-- expect plan --
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 1, share 100.00%
      10.244.2.7:8080 keeps its flows
      10.244.3.9:8080 keeps its flows
    left out 10.244.2.7:8080 of slice web-1: terminating
    left out 10.244.3.9:8080 of slice web-1: terminating
    left out 10.244.3.11:8080 of slice web-1: not_serving
