healthCheckNodePort counts this node's ready endpoints, once per address and each family by itself, and only under
externalTrafficPolicy Local. A terminating endpoint may get traffic but does not count.

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: LoadBalancer
  clusterIPs: [10.96.0.10]
  ports: [{name: http, port: 80, nodePort: 30080}, {name: alt, port: 81, nodePort: 30081}]
  externalTrafficPolicy: Local
  healthCheckNodePort: 32000
status:
  loadBalancer: {ingress: [{ip: 192.0.2.80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}, {name: alt, port: 8081}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a}
  - {addresses: [10.244.1.6], nodeName: node-a}
  - {addresses: [10.244.2.7], nodeName: node-b}

-- expect plan --
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    0.0.0.0:30080/TCP NodePort -> pool cluster, from outside pool local
    192.0.2.80:80/TCP LoadBalancer -> pool cluster, from outside pool local
    pool cluster
      10.244.1.5:8080 weight 1, share 33.33%
      10.244.1.6:8080 weight 1, share 33.33%
      10.244.2.7:8080 weight 1, share 33.33%
    pool local
      10.244.1.5:8080 weight 1, share 50.00%
      10.244.1.6:8080 weight 1, share 50.00%
      10.244.2.7:8080 keeps its flows
    left out 10.244.2.7:8080 of slice web-1: local not_local
  port alt 81/TCP IPv4
    10.96.0.10:81/TCP ClusterIP -> pool cluster
    0.0.0.0:30081/TCP NodePort -> pool cluster, from outside pool local
    192.0.2.80:81/TCP LoadBalancer -> pool cluster, from outside pool local
    pool cluster
      10.244.1.5:8081 weight 1, share 33.33%
      10.244.1.6:8081 weight 1, share 33.33%
      10.244.2.7:8081 weight 1, share 33.33%
    pool local
      10.244.1.5:8081 weight 1, share 50.00%
      10.244.1.6:8081 weight 1, share 50.00%
      10.244.2.7:8081 keeps its flows
    left out 10.244.2.7:8081 of slice web-1: local not_local
  health check on 32000, IPv4: 2 local ready

-- apply --
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a, conditions: {ready: false, serving: true, terminating: true}}
  - {addresses: [10.244.2.7], nodeName: node-b}

-- expect plan --
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    0.0.0.0:30080/TCP NodePort -> pool cluster, from outside pool local
    192.0.2.80:80/TCP LoadBalancer -> pool cluster, from outside pool local
    pool cluster
      10.244.1.5:8080 keeps its flows
      10.244.2.7:8080 weight 1, share 100.00%
    pool local
      10.244.1.5:8080 weight 1, share 100.00%
      10.244.2.7:8080 keeps its flows
    left out 10.244.1.5:8080 of slice web-1: cluster terminating
    left out 10.244.2.7:8080 of slice web-1: local not_local
  port alt 81/TCP IPv4
    10.96.0.10:81/TCP ClusterIP -> pool cluster
    0.0.0.0:30081/TCP NodePort -> pool cluster, from outside pool local
    192.0.2.80:81/TCP LoadBalancer -> pool cluster, from outside pool local
    pool cluster: no endpoints
    pool local: no endpoints
    left out 10.244.1.5:0 of slice web-1: no_port
    left out 10.244.2.7:0 of slice web-1: no_port
  health check on 32000, IPv4: 0 local ready
  warning: port 81/TCP: no EndpointSlice has a TCP port "alt": none of its 2 endpoints can be dialled

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: LoadBalancer
  clusterIPs: [10.96.0.10]
  ports: [{name: http, port: 80, nodePort: 30080}]
  healthCheckNodePort: 32000
status:
  loadBalancer: {ingress: [{ip: 192.0.2.80}]}

-- expect plan --
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    0.0.0.0:30080/TCP NodePort -> pool cluster
    192.0.2.80:80/TCP LoadBalancer -> pool cluster
    pool cluster
      10.244.1.5:8080 keeps its flows
      10.244.2.7:8080 weight 1, share 100.00%
    left out 10.244.1.5:8080 of slice web-1: terminating

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: LoadBalancer
  clusterIPs: [10.96.0.10, "fd00:96::a"]
  ports: [{name: http, port: 80}]
  externalTrafficPolicy: Local
  healthCheckNodePort: 32000
status:
  loadBalancer: {ingress: [{ip: 192.0.2.80}, {ip: "2001:db8::80"}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-2, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv6
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: ["fd00:244:1::5"], nodeName: node-a}

-- expect plan --
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    192.0.2.80:80/TCP LoadBalancer -> pool cluster, from outside pool local
    pool cluster
      10.244.1.5:8080 keeps its flows
      10.244.2.7:8080 weight 1, share 100.00%
    pool local
      10.244.1.5:8080 weight 1, share 100.00%
      10.244.2.7:8080 keeps its flows
    left out 10.244.1.5:8080 of slice web-1: cluster terminating
    left out 10.244.2.7:8080 of slice web-1: local not_local
  port http 80/TCP IPv6
    [fd00:96::a]:80/TCP ClusterIP -> pool cluster
    [2001:db8::80]:80/TCP LoadBalancer -> pool cluster, from outside pool local
    pool cluster
      [fd00:244:1::5]:8080 weight 1, share 100.00%
    pool local
      [fd00:244:1::5]:8080 weight 1, share 100.00%
  health check on 32000, IPv4: 0 local ready, IPv6: 1 local ready
