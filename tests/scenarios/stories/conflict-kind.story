An external address cannot take another Service's ClusterIP, however old its Service is: the kind of the frontend counts
before the age (CVE-2020-8554).

-- apply --
apiVersion: v1
kind: Service
metadata: {name: thief, namespace: shop, creationTimestamp: "2026-01-01T00:00:00Z"}
spec:
  clusterIPs: [10.96.0.11]
  externalIPs: [10.96.0.10]
  ports: [{name: http, port: 80}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: thief-1, namespace: shop, labels: {kubernetes.io/service-name: thief}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.2.7], nodeName: node-b}

-- expect plan --
service shop/thief
  port http 80/TCP IPv4
    10.96.0.11:80/TCP ClusterIP -> pool cluster
    10.96.0.10:80/TCP ExternalIP -> pool cluster
    pool cluster
      10.244.2.7:8080 weight 1, share 100.00%

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, creationTimestamp: "2026-01-02T00:00:00Z"}
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

-- expect plan --
service shop/thief
  port http 80/TCP IPv4
    10.96.0.11:80/TCP ClusterIP -> pool cluster
    10.96.0.10:80/TCP ExternalIP -> nowhere: held by shop/web
    pool cluster
      10.244.2.7:8080 weight 1, share 100.00%
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 1, share 100.00%

-- expect maps --
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 2, pool 1
frontend 10.96.0.11 address cluster_ip
frontend 10.96.0.11:80/TCP ClusterIP -> service port 1, pool 2
service port 1 shop/thief:http 80/TCP IPv4
service port 2 shop/web:http 80/TCP IPv4
pool 1: backend 1
pool 2: backend 2
backend 1 10.244.1.5:8080
backend 2 10.244.2.7:8080

-- delete Service shop/web --

-- expect plan --
service shop/thief
  port http 80/TCP IPv4
    10.96.0.11:80/TCP ClusterIP -> pool cluster
    10.96.0.10:80/TCP ExternalIP -> pool cluster
    pool cluster
      10.244.2.7:8080 weight 1, share 100.00%

-- expect maps --
frontend 10.96.0.10:80/TCP ExternalIP -> service port 1, pool 1
frontend 10.96.0.11 address cluster_ip
frontend 10.96.0.11:80/TCP ClusterIP -> service port 1, pool 1
service port 1 shop/thief:http 80/TCP IPv4
pool 1: backend 1
backend 1 10.244.2.7:8080
