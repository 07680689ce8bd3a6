Of the weights in the Service's annotation the most specific wins: an address before a pod, a pod before a node, a node
before a zone, and each of them before the slice's weight.

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, annotations: {shunt-lb.io/endpoint-weights: '{"10.244.1.5": 40, "pod/web-b": 30, "node/node-a": 20, "zone/z2": 7}'}}
spec:
  clusterIPs: [10.96.0.10]
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}, annotations: {shunt-lb.io/weight: "3"}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a, zone: z2, targetRef: {kind: Pod, name: web-b}}
  - {addresses: [10.244.1.6], nodeName: node-a, zone: z2, targetRef: {kind: Pod, name: web-b}}
  - {addresses: [10.244.1.7], nodeName: node-a, zone: z2, targetRef: {kind: Pod, name: web-c}}
  - {addresses: [10.244.2.8], nodeName: node-b, zone: z2, targetRef: {kind: Pod, name: web-d}}
  - {addresses: [10.244.3.9], nodeName: node-c, zone: z3}

-- expect plan --
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 40, share 40.00%
      10.244.1.6:8080 weight 30, share 30.00%
      10.244.1.7:8080 weight 20, share 20.00%
      10.244.2.8:8080 weight 7, share 7.00%
      10.244.3.9:8080 weight 3, share 3.00%

-- expect maps --
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
service port 1 shop/web:http 80/TCP IPv4
pool 1: backend 1 (or 2 beyond 0.00%), backend 2, backend 3, backend 4 (or 1 beyond 1.00%), backend 5 (or 1 beyond 1.00%)
backend 1 10.244.1.5:8080
backend 2 10.244.1.6:8080
backend 3 10.244.1.7:8080
backend 4 10.244.2.8:8080
backend 5 10.244.3.9:8080
