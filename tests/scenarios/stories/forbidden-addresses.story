No Service leads to loopback, link-local, link-local multicast or unspecified addresses, nor to an address of the other
family. The Service's warnings count the endpoints and name the first.

-- apply --
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  clusterIPs: [10.96.0.10, "fd00:96::10"]
  ports: [{name: http, port: 80}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [127.0.0.1]}
  - {addresses: [169.254.169.254]}
  - {addresses: [224.0.0.1]}
  - {addresses: [0.0.0.0]}
  - {addresses: [pod-1]}
  - {addresses: ["fd00:244:1::5"]}
  - {addresses: []}
  - {addresses: [10.244.1.5], nodeName: node-a}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-v6, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv6
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: ["::1"]}
  - {addresses: ["fe80::1"]}
  - {addresses: ["ff02::1"]}
  - {addresses: ["::ffff:10.244.1.5"]}
  - {addresses: [10.244.1.5]}
  - {addresses: ["::"]}
  - {addresses: ["fd00:244:1::5"]}

-- expect plan --
service shop/web
  port http 80/TCP IPv4
    10.96.0.10:80/TCP ClusterIP -> pool cluster
    pool cluster
      10.244.1.5:8080 weight 1, share 100.00%
    left out "pod-1" of slice web-1: bad_address
    left out "fd00:244:1::5" of slice web-1: bad_address
    left out "" of slice web-1: bad_address
    left out "0.0.0.0" of slice web-1: forbidden_address
    left out 127.0.0.1:8080 of slice web-1: forbidden_address
    left out 169.254.169.254:8080 of slice web-1: forbidden_address
    left out 224.0.0.1:8080 of slice web-1: forbidden_address
  port http 80/TCP IPv6
    [fd00:96::10]:80/TCP ClusterIP -> pool cluster
    pool cluster
      [fd00:244:1::5]:8080 weight 1, share 100.00%
    left out "::ffff:10.244.1.5" of slice web-v6: bad_address
    left out "10.244.1.5" of slice web-v6: bad_address
    left out "::" of slice web-v6: forbidden_address
    left out [::1]:8080 of slice web-v6: forbidden_address
    left out [fe80::1]:8080 of slice web-v6: forbidden_address
    left out [ff02::1]:8080 of slice web-v6: forbidden_address
  warning: 3 endpoints are refused, the first "pod-1" of EndpointSlice web-1: not an IPv4 address
  warning: 4 endpoints are refused, the first "0.0.0.0" of EndpointSlice web-1: it is unspecified
  warning: 2 endpoints are refused, the first "::ffff:10.244.1.5" of EndpointSlice web-v6: not an IPv6 address
  warning: 4 endpoints are refused, the first "::" of EndpointSlice web-v6: it is unspecified

-- expect maps --
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
frontend fd00:96::10 address cluster_ip
frontend [fd00:96::10]:80/TCP ClusterIP -> service port 2, pool 2
service port 1 shop/web:http 80/TCP IPv4
service port 2 shop/web:http 80/TCP IPv6
pool 1: backend 1
pool 2: backend 2
backend 1 10.244.1.5:8080
backend 2 [fd00:244:1::5]:8080
