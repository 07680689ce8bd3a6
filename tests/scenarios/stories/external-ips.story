Every externalIPs entry of a family that the Service has is a frontend on its ports; an entry of another family is left
out with a warning, and so is one that repeats an address.

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  clusterIPs: [10.96.0.10]
  externalIPs: [192.0.2.90, 192.0.2.91, "2001:db8::90", 192.0.2.90]
  ports: [{name: http, port: 80}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a}
  - {addresses: [10.244.2.7], nodeName: node-b}

-- expect plan --
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    192.0.2.90:80/TCP ExternalIP -> pool cluster
    192.0.2.91:80/TCP ExternalIP -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 1, share 50.00%
      10.244.2.7:8080 weight 1, share 50.00%
  warning: externalIPs: 2001:db8::90 is IPv6, but the Service has no such ClusterIP: not served
  warning: externalIPs: 192.0.2.90 is already an address of this Service

-- expect maps --
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
frontend 192.0.2.90:80/TCP ExternalIP -> service port 1, pool 1
frontend 192.0.2.91:80/TCP ExternalIP -> service port 1, pool 1
service port 1 shop/web:http 80/TCP IPv4
pool 1: backend 1, backend 2
backend 1 10.244.1.5:8080
backend 2 10.244.2.7:8080
