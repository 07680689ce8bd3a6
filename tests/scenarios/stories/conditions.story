An endpoint without conditions is ready: an absent condition is not false. An endpoint that is not ready is left out,
and so is one that terminates while others are ready; the latter keeps the flows that it has.

-- apply --
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
  - {addresses: [10.244.1.5], nodeName: node-a}
  - {addresses: [10.244.2.7], nodeName: node-b, conditions: {serving: true}}
  - {addresses: [10.244.3.9], nodeName: node-c, conditions: {ready: false, serving: false, terminating: false}}
  - {addresses: [10.244.3.10], nodeName: node-c, conditions: {ready: false, serving: true, terminating: true}}
  - {addresses: [10.244.3.11], nodeName: node-c, conditions: {ready: false, serving: false, terminating: true}}

-- expect plan --
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 1, share 50.00%
      10.244.2.7:8080 weight 1, share 50.00%
      10.244.3.10:8080 keeps its flows
    left out 10.244.3.9:8080 of slice web-1: not_ready
    left out 10.244.3.10:8080 of slice web-1: terminating
    left out 10.244.3.11:8080 of slice web-1: not_serving

-- expect maps --
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
service port 1 shop/web:http 80/TCP IPv4
pool 1: backend 1 (or 2 beyond 0.00%), backend 2, backend 3 (or 1 beyond 0.00%)
backend 1 10.244.1.5:8080
backend 2 10.244.2.7:8080
backend 3 10.244.3.10:8080
