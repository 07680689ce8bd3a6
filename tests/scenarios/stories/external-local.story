With externalTrafficPolicy Local, clients from outside get only this node's endpoints and keep their own address, while
clients on the node get any endpoint, because that is their shortest way. The policy does not apply to the ClusterIP.

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: LoadBalancer
  clusterIPs: [10.96.0.10]
  ports: [{name: http, port: 80, nodePort: 30080}]
  externalTrafficPolicy: Local
  healthCheckNodePort: 32000
status:
  loadBalancer: {ingress: [{ip: 192.0.2.80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a}
  - {addresses: [10.244.2.7], nodeName: node-b}
  - {addresses: [10.244.3.9], nodeName: node-c}

-- expect plan --
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    0.0.0.0:30080/TCP NodePort -> pool cluster, from outside pool local
    192.0.2.80:80/TCP LoadBalancer -> pool cluster, from outside pool local
    pool cluster
      10.244.1.5:8080 weight 1, share 33.33%
      10.244.2.7:8080 weight 1, share 33.33%
      10.244.3.9:8080 weight 1, share 33.33%
    pool local
      10.244.1.5:8080 weight 1, share 100.00%
      10.244.2.7:8080 keeps its flows
      10.244.3.9:8080 keeps its flows
    left out 10.244.2.7:8080 of slice web-1: local not_local
    left out 10.244.3.9:8080 of slice web-1: local not_local
  health check on 32000, IPv4: 1 local ready

-- expect maps --
frontend 0.0.0.0:30080/TCP NodePort -> service port 1, pool 1, from outside pool 2
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
frontend 192.0.2.80:80/TCP LoadBalancer -> service port 1, pool 1, from outside pool 2
service port 1 shop/web:http 80/TCP IPv4
pool 1: backend 1, backend 2, backend 3
pool 2: backend 1, backend 2 (or 1 beyond 0.00%), backend 3 (or 1 beyond 0.00%)
backend 1 10.244.1.5:8080
backend 2 10.244.2.7:8080
backend 3 10.244.3.9:8080
