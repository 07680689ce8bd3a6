A Service with the label service.kubernetes.io/service-proxy-name belongs to another proxy, whatever its value. A slice
with the label is used: its Service may have lost the label a moment ago.

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, labels: {service.kubernetes.io/service-proxy-name: ""}}
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
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec:
  clusterIPs: [10.96.0.11]
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: api-1, namespace: shop, labels: {kubernetes.io/service-name: api, service.kubernetes.io/service-proxy-name: other}}
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
  - {addresses: [10.244.2.7], nodeName: node-b}

-- expect plan --
service shop/api
  port http 80/TCP IPv4
    10.96.0.11:80/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 1, share 50.00%
      10.244.2.7:8080 weight 1, share 50.00%
service shop/web: not served

-- expect maps --
frontend 10.96.0.11 address cluster_ip
frontend 10.96.0.11:80/TCP ClusterIP -> service port 1, pool 1
service port 1 shop/api:http 80/TCP IPv4
pool 1: backend 1, backend 2
backend 1 10.244.1.5:8080
backend 2 10.244.2.7:8080
