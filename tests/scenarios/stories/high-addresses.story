Addresses of 240.0.0.0/4 are served like any other, because the API accepts them and clouds give them to pods; so is an
IPv4 address in IPv6 text.

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: LoadBalancer
  clusterIPs: [240.96.0.10]
  externalIPs: [255.255.255.254]
  ports: [{name: http, port: 80}]
status:
  loadBalancer: {ingress: [{ip: 250.0.0.80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [241.0.1.5], nodeName: node-a}
  - {addresses: ["::ffff:10.244.1.5"], nodeName: node-a}

-- expect plan --
service shop/web
  port http 80/TCP IPv4
    240.96.0.10:80/TCP ClusterIP -> pool cluster
    250.0.0.80:80/TCP LoadBalancer -> pool cluster
    255.255.255.254:80/TCP ExternalIP -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 1, share 50.00%
      241.0.1.5:8080 weight 1, share 50.00%

-- expect maps --
frontend 240.96.0.10 address cluster_ip
frontend 240.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
frontend 250.0.0.80:80/TCP LoadBalancer -> service port 1, pool 1
frontend 255.255.255.254:80/TCP ExternalIP -> service port 1, pool 1
service port 1 shop/web:http 80/TCP IPv4
pool 1: backend 1, backend 2
backend 1 10.244.1.5:8080
backend 2 241.0.1.5:8080
