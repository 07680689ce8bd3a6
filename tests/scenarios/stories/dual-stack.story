The families of a dual-stack Service are independent: each ClusterIP leads to the endpoints of its own family, and a
family without endpoints refuses while the other serves.

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  clusterIPs: [10.96.0.10, "fd00:96::10"]
  ipFamilies: [IPv4, IPv6]
  ports: [{name: http, port: 80}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-v4, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-v6, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv6
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: ["fd00:244:1::5"], nodeName: node-a}
  - {addresses: ["fd00:244:2::7"], nodeName: node-b}

-- expect plan --
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 1, share 100.00%
  port http 80/TCP IPv6
    [fd00:96::10]:80/TCP ClusterIP -> pool cluster
    pool cluster
      [fd00:244:1::5]:8080 weight 1, share 50.00%
      [fd00:244:2::7]:8080 weight 1, share 50.00%

-- expect maps --
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
frontend fd00:96::10 address cluster_ip
frontend [fd00:96::10]:80/TCP ClusterIP -> service port 2, pool 2
service port 1 shop/web:http 80/TCP IPv4
service port 2 shop/web:http 80/TCP IPv6
pool 1: backend 1
pool 2: backend 2, backend 3
backend 1 10.244.1.5:8080
backend 2 [fd00:244:1::5]:8080
backend 3 [fd00:244:2::7]:8080

-- delete EndpointSlice shop/web-v6 --

-- expect plan --
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 1, share 100.00%
  port http 80/TCP IPv6
    [fd00:96::10]:80/TCP ClusterIP -> pool cluster
    pool cluster: no endpoints

-- expect maps --
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
frontend fd00:96::10 address cluster_ip
frontend [fd00:96::10]:80/TCP ClusterIP -> service port 2, pool 2
service port 1 shop/web:http 80/TCP IPv4
service port 2 shop/web:http 80/TCP IPv6
pool 1: backend 1
pool 2: no_endpoints
backend 1 10.244.1.5:8080
