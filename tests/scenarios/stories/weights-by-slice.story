The annotation shunt-lb.io/weight of a slice is the weight of each of its endpoints; without it a weight is 1.

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
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}, annotations: {shunt-lb.io/weight: "2"}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-2, namespace: shop, labels: {kubernetes.io/service-name: web}, annotations: {shunt-lb.io/weight: "3"}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.2.7], nodeName: node-b}
  - {addresses: [10.244.3.9], nodeName: node-c}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-3, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.4.4]}

-- expect plan --
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 2, share 22.22%
      10.244.2.7:8080 weight 3, share 33.33%
      10.244.3.9:8080 weight 3, share 33.33%
      10.244.4.4:8080 weight 1, share 11.11%

-- expect maps --
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
service port 1 shop/web:http 80/TCP IPv4
pool 1: backend 1 (or 2 beyond 0.89%), backend 2 (or 3 beyond 0.67%), backend 3, backend 4 (or 2 beyond 0.44%)
backend 1 10.244.1.5:8080
backend 2 10.244.2.7:8080
backend 3 10.244.3.9:8080
backend 4 10.244.4.4:8080
