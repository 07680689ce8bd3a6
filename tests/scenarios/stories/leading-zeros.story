Objects that are older than the API's check may have octets with leading zeros. They are read as decimal, in a Service
and in a slice (CVE-2021-29923).

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  clusterIPs: [010.096.000.012]
  externalIPs: [192.000.002.010]
  ports: [{name: http, port: 80}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [010.244.001.011], nodeName: node-a}
  - {addresses: [10.244.1.11], nodeName: node-a}

-- expect plan --
service shop/web
  port http 80/TCP IPv4
    10.96.0.12:80/TCP ClusterIP -> pool cluster
    192.0.2.10:80/TCP ExternalIP -> pool cluster
    pool cluster
      10.244.1.11:8080 weight 1, share 100.00%
    left out 10.244.1.11:8080 of slice web-1: duplicate

-- expect maps --
frontend 10.96.0.12 address cluster_ip
frontend 10.96.0.12:80/TCP ClusterIP -> service port 1, pool 1
frontend 192.0.2.10:80/TCP ExternalIP -> service port 1, pool 1
service port 1 shop/web:http 80/TCP IPv4
pool 1: backend 1
backend 1 10.244.1.11:8080
