Source ranges restrict only the load balancer's address; blanks around them and bits beyond the prefix do not matter.

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: LoadBalancer
  clusterIPs: [10.96.0.10]
  ports: [{name: http, port: 80, nodePort: 30080}]
  loadBalancerSourceRanges: [" 198.51.100.0/24 ", "203.0.113.9/24"]
status:
  loadBalancer: {ingress: [{ip: 192.0.2.80}]}
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
    0.0.0.0:30080/TCP NodePort -> pool cluster
    192.0.2.80:80/TCP LoadBalancer -> pool cluster, only for 198.51.100.0/24 203.0.113.0/24
    pool cluster
      10.244.1.5:8080 weight 1, share 100.00%

-- expect maps --
frontend 0.0.0.0:30080/TCP NodePort -> service port 1, pool 1
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
frontend 192.0.2.80:80/TCP LoadBalancer -> service port 1, pool 1, source_ranges (198.51.100.0/24 203.0.113.0/24)
service port 1 shop/web:http 80/TCP IPv4
pool 1: backend 1
backend 1 10.244.1.5:8080
