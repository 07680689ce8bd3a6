A Service that is deleted and created again with another address and another port leaves nothing of its former life.

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, uid: first}
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

-- expect maps --
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
service port 1 shop/web:http 80/TCP IPv4
pool 1: backend 1, backend 2
backend 1 10.244.1.5:8080
backend 2 10.244.2.7:8080

-- delete Service shop/web --

-- expect maps --
nothing

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, uid: second}
spec:
  clusterIPs: [10.96.7.7]
  ports: [{name: http, port: 8080}]

-- expect plan --
service shop/web
  port http 8080/TCP IPv4
    10.96.7.7:8080/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 1, share 50.00%
      10.244.2.7:8080 weight 1, share 50.00%

-- expect maps --
frontend 10.96.7.7 address cluster_ip
frontend 10.96.7.7:8080/TCP ClusterIP -> service port 1, pool 1
service port 1 shop/web:http 8080/TCP IPv4
pool 1: backend 1, backend 2
backend 1 10.244.1.5:8080
backend 2 10.244.2.7:8080

-- delete EndpointSlice shop/web-1 --

-- expect plan --
service shop/web
  port http 8080/TCP IPv4
    10.96.7.7:8080/TCP ClusterIP -> pool cluster
    pool cluster: no endpoints

-- expect maps --
frontend 10.96.7.7 address cluster_ip
frontend 10.96.7.7:8080/TCP ClusterIP -> service port 1, pool 1
service port 1 shop/web:http 8080/TCP IPv4
pool 1: no_endpoints
