An SCTP port is planned, so that the plan says where its traffic should go, and the plan says that it is not served,
because there is no socket hook for it. Its siblings are served.

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: NodePort
  clusterIPs: [10.96.0.10]
  ports:
    - {name: diameter, port: 3868, protocol: SCTP, nodePort: 30868}
    - {name: http, port: 80, nodePort: 30080}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: diameter, port: 3868, protocol: SCTP}, {name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a}

-- expect plan --
service shop/web
  port diameter 3868/SCTP IPv4
    10.96.0.10:3868/SCTP ClusterIP -> nowhere: no_socket_hook
    0.0.0.0:30868/SCTP NodePort -> nowhere: no_socket_hook
    pool cluster
      10.244.1.5:3868 weight 1, share 100.00%
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    0.0.0.0:30080/TCP NodePort -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 1, share 100.00%

-- expect maps --
frontend 0.0.0.0:30080/TCP NodePort -> service port 1, pool 1
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
service port 1 shop/web:http 80/TCP IPv4
pool 1: backend 1
backend 1 10.244.1.5:8080
