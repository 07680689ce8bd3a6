Zone hints apply only if every ready endpoint has them and one names this node's zone; otherwise the traffic goes
everywhere.

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
  - {addresses: [10.244.1.5], nodeName: node-a, hints: {forZones: [{name: a}]}}
  - {addresses: [10.244.2.7], nodeName: node-b}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: api-1, namespace: shop, labels: {kubernetes.io/service-name: api}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.2.7], nodeName: node-b, hints: {forZones: [{name: b}]}}
  - {addresses: [10.244.3.9], nodeName: node-c, hints: {forZones: [{name: c}]}}

-- expect plan --
service shop/api
  port http 80/TCP IPv4
    10.96.0.11:80/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.2.7:8080 weight 1, share 50.00%
      10.244.3.9:8080 weight 1, share 50.00%
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 1, share 50.00%
      10.244.2.7:8080 weight 1, share 50.00%

-- apply --
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a, hints: {forZones: [{name: a}]}}
  - {addresses: [10.244.2.7], nodeName: node-b, hints: {forZones: [{name: b}]}}

-- expect plan --
service shop/api
  port http 80/TCP IPv4
    10.96.0.11:80/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.2.7:8080 weight 1, share 50.00%
      10.244.3.9:8080 weight 1, share 50.00%
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 1, share 100.00%
      10.244.2.7:8080 keeps its flows
    left out 10.244.2.7:8080 of slice web-1: other_zone
