An entry whose weight is not an integer from 0 to 1,000,000 is ignored with a warning; its endpoints have the weight
that they would have without it.

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, annotations: {shunt-lb.io/endpoint-weights: '{"10.244.1.5": -1, "10.244.2.7": 4, "planet/mars": 2}'}}
spec:
  clusterIPs: [10.96.0.10]
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop, annotations: {shunt-lb.io/endpoint-weights: "heavy"}}
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
  - {addresses: [10.244.1.5], nodeName: node-a}
  - {addresses: [10.244.2.7], nodeName: node-b}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-2, namespace: shop, labels: {kubernetes.io/service-name: web}, annotations: {shunt-lb.io/weight: "1000001"}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.3.9], nodeName: node-c}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: api-1, namespace: shop, labels: {kubernetes.io/service-name: api}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a}

-- expect plan --
service shop/api
  port http 80/TCP IPv4
    10.96.0.11:80/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 1, share 100.00%
  warning: annotation shunt-lb.io/endpoint-weights: not a JSON object: the annotation is ignored
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 1, share 16.67%
      10.244.2.7:8080 weight 4, share 66.67%
      10.244.3.9:8080 weight 1, share 16.67%
  warning: annotation shunt-lb.io/endpoint-weights: the value of "10.244.1.5" is not a weight, expected an integer from 0 to 1000000: the entry is ignored
  warning: annotation shunt-lb.io/endpoint-weights: key "planet/mars", expected an IP address, pod/NAME, node/NAME or zone/NAME: the entry is ignored
  warning: EndpointSlice web-2: annotation shunt-lb.io/weight is "1000001", expected an integer from 0 to 1000000: weight 1 is used

-- expect maps --
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 2, pool 1
frontend 10.96.0.11 address cluster_ip
frontend 10.96.0.11:80/TCP ClusterIP -> service port 1, pool 2
service port 1 shop/api:http 80/TCP IPv4
service port 2 shop/web:http 80/TCP IPv4
pool 1: backend 1 (or 2 beyond 0.00%), backend 2, backend 3 (or 2 beyond 0.00%)
pool 2: backend 1
backend 1 10.244.1.5:8080
backend 2 10.244.2.7:8080
backend 3 10.244.3.9:8080
