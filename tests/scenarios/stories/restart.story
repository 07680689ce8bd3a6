An agent that takes over finds its rows and keeps every id; its first step removes Services that were deleted meanwhile.

-- node-addresses 192.0.2.1 host:127.0.0.1 --

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: LoadBalancer
  clusterIPs: [10.96.0.10]
  ports: [{name: http, port: 80, nodePort: 30080}]
  externalTrafficPolicy: Local
status:
  loadBalancer: {ingress: [{ip: 192.0.2.80}]}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec:
  clusterIPs: [10.96.0.11]
  ports: [{name: http, port: 80, targetPort: 8080}]
  sessionAffinity: ClientIP
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
metadata: {name: api-1, namespace: shop, labels: {kubernetes.io/service-name: api}, annotations: {shunt-lb.io/weight: "3"}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: api-2, namespace: shop, labels: {kubernetes.io/service-name: api}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.3.9], nodeName: node-c}

-- expect plan --
service shop/api
  port http 80/TCP IPv4, affinity 10800 s
    10.96.0.11:80/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 3, share 75.00%
      10.244.3.9:8080 weight 1, share 25.00%
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    0.0.0.0:30080/TCP NodePort -> pool cluster, from outside pool local
    192.0.2.80:80/TCP LoadBalancer -> pool cluster, from outside pool local
    pool cluster
      10.244.1.5:8080 weight 1, share 50.00%
      10.244.2.7:8080 weight 1, share 50.00%
    pool local
      10.244.1.5:8080 weight 1, share 100.00%
      10.244.2.7:8080 keeps its flows
    left out 10.244.2.7:8080 of slice web-1: local not_local

-- expect maps --
frontend 0.0.0.0:30080/TCP NodePort -> service port 2, pool 1, from outside pool 2
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 2, pool 1
frontend 10.96.0.11 address cluster_ip
frontend 10.96.0.11:80/TCP ClusterIP -> service port 1, pool 3, affinity 10800 s
frontend 127.0.0.1 address node_address host_only
frontend 192.0.2.1 address node_address
frontend 192.0.2.80:80/TCP LoadBalancer -> service port 2, pool 1, from outside pool 2
service port 1 shop/api:http 80/TCP IPv4
service port 2 shop/web:http 80/TCP IPv4
pool 1: backend 1, backend 2
pool 2: backend 1, backend 2 (or 1 beyond 0.00%)
pool 3: backend 1, backend 3 (or 1 beyond 0.00%)
backend 1 10.244.1.5:8080
backend 2 10.244.2.7:8080
backend 3 10.244.3.9:8080

-- restart --

-- expect plan --
service shop/api
  port http 80/TCP IPv4, affinity 10800 s
    10.96.0.11:80/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 3, share 75.00%
      10.244.3.9:8080 weight 1, share 25.00%
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    0.0.0.0:30080/TCP NodePort -> pool cluster, from outside pool local
    192.0.2.80:80/TCP LoadBalancer -> pool cluster, from outside pool local
    pool cluster
      10.244.1.5:8080 weight 1, share 50.00%
      10.244.2.7:8080 weight 1, share 50.00%
    pool local
      10.244.1.5:8080 weight 1, share 100.00%
      10.244.2.7:8080 keeps its flows
    left out 10.244.2.7:8080 of slice web-1: local not_local

-- expect maps --
frontend 0.0.0.0:30080/TCP NodePort -> service port 2, pool 1, from outside pool 2
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 2, pool 1
frontend 10.96.0.11 address cluster_ip
frontend 10.96.0.11:80/TCP ClusterIP -> service port 1, pool 3, affinity 10800 s
frontend 127.0.0.1 address node_address host_only
frontend 192.0.2.1 address node_address
frontend 192.0.2.80:80/TCP LoadBalancer -> service port 2, pool 1, from outside pool 2
service port 1 shop/api:http 80/TCP IPv4
service port 2 shop/web:http 80/TCP IPv4
pool 1: backend 1, backend 2
pool 2: backend 1, backend 2 (or 1 beyond 0.00%)
pool 3: backend 1, backend 3 (or 1 beyond 0.00%)
backend 1 10.244.1.5:8080
backend 2 10.244.2.7:8080
backend 3 10.244.3.9:8080

-- delete Service shop/api --

-- restart --

-- expect maps --
frontend 0.0.0.0:30080/TCP NodePort -> service port 1, pool 1, from outside pool 2
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
frontend 127.0.0.1 address node_address host_only
frontend 192.0.2.1 address node_address
frontend 192.0.2.80:80/TCP LoadBalancer -> service port 1, pool 1, from outside pool 2
service port 1 shop/web:http 80/TCP IPv4
pool 1: backend 1, backend 2
pool 2: backend 1, backend 2 (or 1 beyond 0.00%)
backend 1 10.244.1.5:8080
backend 2 10.244.2.7:8080
