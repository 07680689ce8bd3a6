If two Services claim one frontend, the older one holds it, in whichever order they come. The other one names the holder
and takes over when the holder gives the frontend up.

-- apply --
apiVersion: v1
kind: Service
metadata: {name: young, namespace: shop, creationTimestamp: "2026-01-02T00:00:00Z"}
spec:
  clusterIPs: [10.96.0.11]
  externalIPs: [192.0.2.90]
  ports: [{name: http, port: 80}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: young-1, namespace: shop, labels: {kubernetes.io/service-name: young}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.2.7], nodeName: node-b}

-- expect plan --
service shop/young
  port http 80/TCP IPv4
    10.96.0.11:80/TCP ClusterIP -> pool cluster
    192.0.2.90:80/TCP ExternalIP -> pool cluster
    pool cluster
      10.244.2.7:8080 weight 1, share 100.00%

-- apply --
apiVersion: v1
kind: Service
metadata: {name: old, namespace: shop, creationTimestamp: "2026-01-01T00:00:00Z"}
spec:
  clusterIPs: [10.96.0.10]
  externalIPs: [192.0.2.90]
  ports: [{name: http, port: 80}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: old-1, namespace: shop, labels: {kubernetes.io/service-name: old}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a}

-- expect plan --
service shop/old
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    192.0.2.90:80/TCP ExternalIP -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 1, share 100.00%
service shop/young
  port http 80/TCP IPv4
    10.96.0.11:80/TCP ClusterIP -> pool cluster
    192.0.2.90:80/TCP ExternalIP -> nowhere: held by shop/old
    pool cluster
      10.244.2.7:8080 weight 1, share 100.00%

-- expect maps --
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
frontend 10.96.0.11 address cluster_ip
frontend 10.96.0.11:80/TCP ClusterIP -> service port 2, pool 2
frontend 192.0.2.90:80/TCP ExternalIP -> service port 1, pool 1
service port 1 shop/old:http 80/TCP IPv4
service port 2 shop/young:http 80/TCP IPv4
pool 1: backend 1
pool 2: backend 2
backend 1 10.244.1.5:8080
backend 2 10.244.2.7:8080

-- apply --
apiVersion: v1
kind: Service
metadata: {name: old, namespace: shop, creationTimestamp: "2026-01-01T00:00:00Z"}
spec:
  clusterIPs: [10.96.0.10]
  ports: [{name: http, port: 80}]

-- expect plan --
service shop/old
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 1, share 100.00%
service shop/young
  port http 80/TCP IPv4
    10.96.0.11:80/TCP ClusterIP -> pool cluster
    192.0.2.90:80/TCP ExternalIP -> pool cluster
    pool cluster
      10.244.2.7:8080 weight 1, share 100.00%

-- expect maps --
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
frontend 10.96.0.11 address cluster_ip
frontend 10.96.0.11:80/TCP ClusterIP -> service port 2, pool 2
frontend 192.0.2.90:80/TCP ExternalIP -> service port 2, pool 2
service port 1 shop/old:http 80/TCP IPv4
service port 2 shop/young:http 80/TCP IPv4
pool 1: backend 1
pool 2: backend 2
backend 1 10.244.1.5:8080
backend 2 10.244.2.7:8080
