Every port of a Service is a frontend of its own with a pool of its own: endpoints are found by the port's name and
protocol, and a port that no slice names has no endpoints.

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  clusterIPs: [10.96.0.10]
  ports:
    - {name: http, port: 80}
    - {name: metrics, port: 9090}
    - {name: admin, port: 8000}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}, {name: metrics, port: 9100}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a}
  - {addresses: [10.244.2.7], nodeName: node-b}

-- expect plan --
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 1, share 50.00%
      10.244.2.7:8080 weight 1, share 50.00%
  port metrics 9090/TCP IPv4
    10.96.0.10:9090/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.1.5:9100 weight 1, share 50.00%
      10.244.2.7:9100 weight 1, share 50.00%
  port admin 8000/TCP IPv4
    10.96.0.10:8000/TCP ClusterIP -> pool cluster
    pool cluster: no endpoints
    left out 10.244.1.5:0 of slice web-1: no_port
    left out 10.244.2.7:0 of slice web-1: no_port
  warning: port 8000/TCP: no EndpointSlice has a TCP port "admin": none of its 2 endpoints can be dialled

-- expect maps --
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 2, pool 1
frontend 10.96.0.10:8000/TCP ClusterIP -> service port 1, pool 2
frontend 10.96.0.10:9090/TCP ClusterIP -> service port 3, pool 3
service port 1 shop/web:admin 8000/TCP IPv4
service port 2 shop/web:http 80/TCP IPv4
service port 3 shop/web:metrics 9090/TCP IPv4
pool 1: backend 1, backend 3
pool 2: no_endpoints
pool 3: backend 2, backend 4
backend 1 10.244.1.5:8080
backend 2 10.244.1.5:9100
backend 3 10.244.2.7:8080
backend 4 10.244.2.7:9100
