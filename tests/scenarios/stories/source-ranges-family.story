Source ranges apply only to their own family: IPv6 ranges do not restrict an IPv4 address, nor the other way round.

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: LoadBalancer
  clusterIPs: [10.96.0.10, "fd00:96::10"]
  loadBalancerSourceRanges: ["2001:db8:1::/48"]
  ports: [{name: http, port: 80}]
status:
  loadBalancer: {ingress: [{ip: 192.0.2.80}, {ip: "2001:db8::80"}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
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
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    192.0.2.80:80/TCP LoadBalancer -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 1, share 100.00%
  port http 80/TCP IPv6
    [fd00:96::10]:80/TCP ClusterIP -> pool cluster
    [2001:db8::80]:80/TCP LoadBalancer -> pool cluster, only for 2001:db8:1::/48
    pool cluster
      [fd00:244:1::5]:8080 weight 1, share 100.00%

-- expect maps --
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
frontend 192.0.2.80:80/TCP LoadBalancer -> service port 1, pool 1
frontend [2001:db8::80]:80/TCP LoadBalancer -> service port 2, pool 2, source_ranges (2001:db8:1::/48)
frontend fd00:96::10 address cluster_ip
frontend [fd00:96::10]:80/TCP ClusterIP -> service port 2, pool 2
service port 1 shop/web:http 80/TCP IPv4
service port 2 shop/web:http 80/TCP IPv6
pool 1: backend 1
pool 2: backend 2
backend 1 10.244.1.5:8080
backend 2 [fd00:244:1::5]:8080
