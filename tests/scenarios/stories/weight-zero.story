Weight 0 drains an endpoint: it keeps its flows but gets no new connection. If all weights are 0, there is no endpoint.

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, annotations: {shunt-lb.io/endpoint-weights: '{"10.244.1.5": 0}'}}
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
  - {addresses: [10.244.2.7], nodeName: node-b}

-- expect plan --
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.1.5:8080 keeps its flows
      10.244.2.7:8080 weight 1, share 100.00%
    left out 10.244.1.5:8080 of slice web-1: weight_zero

-- expect maps --
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
service port 1 shop/web:http 80/TCP IPv4
pool 1: backend 1 (or 2 beyond 0.00%), backend 2
backend 1 10.244.1.5:8080
backend 2 10.244.2.7:8080

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, annotations: {shunt-lb.io/endpoint-weights: '{"10.244.1.5": 0, "node/node-b": 0}'}}
spec:
  clusterIPs: [10.96.0.10]
  ports: [{name: http, port: 80, targetPort: 8080}]

-- expect plan --
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    pool cluster: no endpoints
      10.244.1.5:8080 keeps its flows
      10.244.2.7:8080 keeps its flows
    left out 10.244.1.5:8080 of slice web-1: weight_zero
    left out 10.244.2.7:8080 of slice web-1: weight_zero

-- expect maps --
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
service port 1 shop/web:http 80/TCP IPv4
pool 1: no_endpoints, backend 1, backend 2
backend 1 10.244.1.5:8080
backend 2 10.244.2.7:8080

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  clusterIPs: [10.96.0.10]
  ports: [{name: http, port: 80, targetPort: 8080}]

-- expect plan --
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 1, share 50.00%
      10.244.2.7:8080 weight 1, share 50.00%
