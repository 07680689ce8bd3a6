If two claims have the same age, the name decides, so that every node and every restart agree.

-- apply --
apiVersion: v1
kind: Service
metadata: {name: b, namespace: shop}
spec:
  clusterIPs: [10.96.0.11]
  externalIPs: [192.0.2.90]
  ports: [{name: http, port: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: a, namespace: shop}
spec:
  clusterIPs: [10.96.0.10]
  externalIPs: [192.0.2.90]
  ports: [{name: http, port: 80}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: a-1, namespace: shop, labels: {kubernetes.io/service-name: a}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: b-1, namespace: shop, labels: {kubernetes.io/service-name: b}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.2.7], nodeName: node-b}

-- expect plan --
service shop/a
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    192.0.2.90:80/TCP ExternalIP -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 1, share 100.00%
service shop/b
  port http 80/TCP IPv4
    10.96.0.11:80/TCP ClusterIP -> pool cluster
    192.0.2.90:80/TCP ExternalIP -> nowhere: held by shop/a
    pool cluster
      10.244.2.7:8080 weight 1, share 100.00%

-- expect maps --
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
frontend 10.96.0.11 address cluster_ip
frontend 10.96.0.11:80/TCP ClusterIP -> service port 2, pool 2
frontend 192.0.2.90:80/TCP ExternalIP -> service port 1, pool 1
service port 1 shop/a:http 80/TCP IPv4
service port 2 shop/b:http 80/TCP IPv4
pool 1: backend 1
pool 2: backend 2
backend 1 10.244.1.5:8080
backend 2 10.244.2.7:8080

-- restart --

-- expect plan --
service shop/a
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    192.0.2.90:80/TCP ExternalIP -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 1, share 100.00%
service shop/b
  port http 80/TCP IPv4
    10.96.0.11:80/TCP ClusterIP -> pool cluster
    192.0.2.90:80/TCP ExternalIP -> nowhere: held by shop/a
    pool cluster
      10.244.2.7:8080 weight 1, share 100.00%

-- expect maps --
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
frontend 10.96.0.11 address cluster_ip
frontend 10.96.0.11:80/TCP ClusterIP -> service port 2, pool 2
frontend 192.0.2.90:80/TCP ExternalIP -> service port 1, pool 1
service port 1 shop/a:http 80/TCP IPv4
service port 2 shop/b:http 80/TCP IPv4
pool 1: backend 1
pool 2: backend 2
backend 1 10.244.1.5:8080
backend 2 10.244.2.7:8080
