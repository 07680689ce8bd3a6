A ClusterIP has a row about the address itself, so that a port that no Service offers there is refused instead of
dialled without an answer. The row lives as long as any port of the address. Addresses that are not the proxy's own
(load balancer, external) have no such row.

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  clusterIPs: [10.96.0.10]
  externalIPs: [192.0.2.90]
  ports: [{name: http, port: 80}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a}

-- expect maps --
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
frontend 192.0.2.90:80/TCP ExternalIP -> service port 1, pool 1
service port 1 shop/web:http 80/TCP IPv4
pool 1: backend 1
backend 1 10.244.1.5:8080

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  clusterIPs: [10.96.0.10]
  ports: [{name: metrics, port: 9090}]

-- expect maps --
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:9090/TCP ClusterIP -> service port 1, pool 1
service port 1 shop/web:metrics 9090/TCP IPv4
pool 1: no_endpoints

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  clusterIPs: [10.96.0.99]
  ports: [{name: metrics, port: 9090}]

-- expect maps --
frontend 10.96.0.99 address cluster_ip
frontend 10.96.0.99:9090/TCP ClusterIP -> service port 1, pool 1
service port 1 shop/web:metrics 9090/TCP IPv4
pool 1: no_endpoints
