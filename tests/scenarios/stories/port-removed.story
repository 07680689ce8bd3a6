A port that is removed takes along its frontends, its pool and the backends that only it used; the other port's ids
stay.

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: NodePort
  clusterIPs: [10.96.0.10]
  ports:
    - {name: http, port: 80, nodePort: 30080}
    - {name: metrics, port: 9090, nodePort: 30090}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}, {name: metrics, port: 9100}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a}
  - {addresses: [10.244.2.7], nodeName: node-b}

-- expect maps --
frontend 0.0.0.0:30080/TCP NodePort -> service port 1, pool 1
frontend 0.0.0.0:30090/TCP NodePort -> service port 2, pool 2
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
frontend 10.96.0.10:9090/TCP ClusterIP -> service port 2, pool 2
service port 1 shop/web:http 80/TCP IPv4
service port 2 shop/web:metrics 9090/TCP IPv4
pool 1: backend 1, backend 3
pool 2: backend 2, backend 4
backend 1 10.244.1.5:8080
backend 2 10.244.1.5:9100
backend 3 10.244.2.7:8080
backend 4 10.244.2.7:9100

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: NodePort
  clusterIPs: [10.96.0.10]
  ports: [{name: http, port: 80, nodePort: 30080}]

-- expect plan --
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    0.0.0.0:30080/TCP NodePort -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 1, share 50.00%
      10.244.2.7:8080 weight 1, share 50.00%

-- expect maps --
frontend 0.0.0.0:30080/TCP NodePort -> service port 1, pool 1
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
service port 1 shop/web:http 80/TCP IPv4
pool 1: backend 1, backend 2
backend 1 10.244.1.5:8080
backend 2 10.244.2.7:8080
