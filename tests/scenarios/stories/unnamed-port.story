The only port of a Service needs no name; it leads to the slices' unnamed port, and not to one with a name.

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  clusterIP: 10.96.0.10
  ports: [{port: 80}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: "", port: 8080}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-2, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.2.7], nodeName: node-b}

-- expect plan --
service shop/web
  port 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 1, share 100.00%
    left out 10.244.2.7:0 of slice web-2: no_port

-- expect maps --
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
service port 1 shop/web 80/TCP IPv4
pool 1: backend 1
backend 1 10.244.1.5:8080
