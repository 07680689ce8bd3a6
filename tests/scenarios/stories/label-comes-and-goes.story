A Service that is given to another proxy by label loses its rows at once; when the label goes it is served again, also
while its slices still have the label, which a controller copies to them a moment later.

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
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

-- expect maps --
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
service port 1 shop/web:http 80/TCP IPv4
pool 1: backend 1
backend 1 10.244.1.5:8080

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, labels: {service.kubernetes.io/service-proxy-name: other}}
spec:
  clusterIPs: [10.96.0.10]
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web, service.kubernetes.io/service-proxy-name: other}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a}

-- expect plan --
service shop/web: not served

-- expect maps --
nothing

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  clusterIPs: [10.96.0.10]
  ports: [{name: http, port: 80, targetPort: 8080}]

-- expect plan --
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 1, share 100.00%

-- expect maps --
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
service port 1 shop/web:http 80/TCP IPv4
pool 1: backend 1
backend 1 10.244.1.5:8080
