A Service cannot be dialled on loopback, link-local, link-local multicast or unspecified addresses; its other addresses
are served.

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: LoadBalancer
  clusterIPs: [10.96.0.10]
  externalIPs: [127.0.0.1, 169.254.169.254, 224.0.0.1, 0.0.0.0, 192.0.2.90, somewhere]
  ports: [{name: http, port: 80}]
status:
  loadBalancer: {ingress: [{ip: 169.254.169.254}, {ip: 192.0.2.80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a}

-- expect plan --
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    192.0.2.80:80/TCP LoadBalancer -> pool cluster
    192.0.2.90:80/TCP ExternalIP -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 1, share 100.00%
  warning: status.loadBalancer.ingress: 169.254.169.254 is link-local: not served
  warning: externalIPs: 127.0.0.1 is loopback: not served
  warning: externalIPs: 169.254.169.254 is link-local: not served
  warning: externalIPs: 224.0.0.1 is link-local multicast: not served
  warning: externalIPs: 0.0.0.0 is unspecified: not served
  warning: externalIPs: "somewhere" is not an IP address: not served

-- expect maps --
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
frontend 192.0.2.80:80/TCP LoadBalancer -> service port 1, pool 1
frontend 192.0.2.90:80/TCP ExternalIP -> service port 1, pool 1
service port 1 shop/web:http 80/TCP IPv4
pool 1: backend 1
backend 1 10.244.1.5:8080
