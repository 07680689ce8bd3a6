An address may belong to the node and to a Service at once: as an external address it is the Service's on the Service's
port, and NodePorts answer there too. When the address leaves the node, or the Service goes, only that one's part goes.

-- node-addresses 192.0.2.1 --

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: NodePort
  clusterIPs: [10.96.0.10]
  externalIPs: [192.0.2.1]
  ports: [{name: http, port: 80, nodePort: 30080}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a}

-- expect maps --
frontend 0.0.0.0:30080/TCP NodePort -> service port 1, pool 1
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
frontend 192.0.2.1 address node_address
frontend 192.0.2.1:80/TCP ExternalIP -> service port 1, pool 1
service port 1 shop/web:http 80/TCP IPv4
pool 1: backend 1
backend 1 10.244.1.5:8080

-- node-addresses --

-- expect maps --
frontend 0.0.0.0:30080/TCP NodePort -> service port 1, pool 1
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
frontend 192.0.2.1:80/TCP ExternalIP -> service port 1, pool 1
service port 1 shop/web:http 80/TCP IPv4
pool 1: backend 1
backend 1 10.244.1.5:8080

-- node-addresses 192.0.2.1 --

-- delete Service shop/web --

-- expect maps --
nothing
