Source ranges that cannot be read never open a load balancer: if none can be read, its addresses admit no client.

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: LoadBalancer
  clusterIPs: [10.96.0.10]
  ports: [{name: http, port: 80, nodePort: 30080}]
  loadBalancerSourceRanges: [everybody]
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
    192.0.2.80:80/TCP LoadBalancer -> pool cluster, for no client
    pool cluster
      10.244.1.5:8080 weight 1, share 100.00%
  warning: loadBalancerSourceRanges: "everybody" is not a prefix: ignored
  warning: loadBalancerSourceRanges: no IPv4 range can be read: load-balancer addresses of that family admit no client

-- expect maps --
frontend 0.0.0.0:30080/TCP NodePort -> service port 1, pool 1
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
frontend 192.0.2.80:80/TCP LoadBalancer -> service port 1, pool 1, source_ranges (no client)
service port 1 shop/web:http 80/TCP IPv4
pool 1: backend 1
backend 1 10.244.1.5:8080
