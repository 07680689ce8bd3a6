An endpoint may be one of its Service's own frontends, as that of an ingress in the host's network whose externalIPs are
its nodes' addresses: a socket is translated once, so that is no loop.

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
ports: [{name: http, port: 80}]
endpoints:
  - {addresses: [10.96.0.10]}
  - {addresses: [192.0.2.90]}
  - {addresses: [10.244.1.5], nodeName: node-a}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-2, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [192.0.2.90]}

-- expect plan --
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    192.0.2.90:80/TCP ExternalIP -> pool cluster
    pool cluster
      10.96.0.10:80 weight 1, share 25.00%
      10.244.1.5:80 weight 1, share 25.00%
      192.0.2.90:80 weight 1, share 25.00%
      192.0.2.90:8080 weight 1, share 25.00%

-- expect maps --
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
frontend 192.0.2.90:80/TCP ExternalIP -> service port 1, pool 1
service port 1 shop/web:http 80/TCP IPv4
pool 1: backend 1, backend 2, backend 3, backend 4
backend 1 10.96.0.10:80
backend 2 10.244.1.5:80
backend 3 192.0.2.90:80
backend 4 192.0.2.90:8080
