A Service with only an IPv6 ClusterIP has frontends of that family only; its IPv4 slices are not used.

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: NodePort
  clusterIPs: ["fd00:96::10"]
  ipFamilies: [IPv6]
  ports: [{name: http, port: 80, nodePort: 30080}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-v4, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-v6, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv6
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: ["fd00:244:1::5"], nodeName: node-a}

-- expect plan --
service shop/web
  port http 80/TCP IPv6
    [fd00:96::10]:80/TCP ClusterIP -> pool cluster
    [::]:30080/TCP NodePort -> pool cluster
    pool cluster
      [fd00:244:1::5]:8080 weight 1, share 100.00%
  warning: IPv4: 1 EndpointSlice with 1 endpoint, the first web-v4, not served: the Service has no IPv4 ClusterIP; give it one, or remove what is of this family

-- expect maps --
frontend [::]:30080/TCP NodePort -> service port 1, pool 1
frontend fd00:96::10 address cluster_ip
frontend [fd00:96::10]:80/TCP ClusterIP -> service port 1, pool 1
service port 1 shop/web:http 80/TCP IPv6
pool 1: backend 1
backend 1 [fd00:244:1::5]:8080
