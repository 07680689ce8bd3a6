A ClusterIP that an interface of the node has is left to the process that listens there, as a node's DNS cache does: no
port of it is programmed, and none is refused. The Service's other addresses are served, and no other Service may take
what is left to the node. When the address goes, the Service has it again.

-- node-addresses 192.0.2.1 --

-- apply --
apiVersion: v1
kind: Service
metadata: {name: dns, namespace: kube-system}
spec:
  type: NodePort
  clusterIPs: [10.96.0.10, "fd00:96::a"]
  ports: [{name: dns, port: 53, protocol: UDP, nodePort: 30053}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: dns-1, namespace: kube-system, labels: {kubernetes.io/service-name: dns}}
addressType: IPv4
ports: [{name: dns, port: 53, protocol: UDP}]
endpoints:
  - {addresses: [10.244.1.5], nodeName: node-a}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: dns-2, namespace: kube-system, labels: {kubernetes.io/service-name: dns}}
addressType: IPv6
ports: [{name: dns, port: 53, protocol: UDP}]
endpoints:
  - {addresses: ["fd00:244:1::5"], nodeName: node-a}
---
apiVersion: v1
kind: Service
metadata: {name: thief, namespace: shop}
spec:
  clusterIPs: [10.96.0.66]
  externalIPs: [10.96.0.10]
  ports: [{name: dns, port: 53, protocol: UDP}]

-- expect maps --
frontend [::]:30053/UDP NodePort -> service port 2, pool 1
frontend 0.0.0.0:30053/UDP NodePort -> service port 1, pool 2
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:53/UDP ClusterIP -> service port 1, pool 2
frontend 10.96.0.66 address cluster_ip
frontend 10.96.0.66:53/UDP ClusterIP -> service port 3, pool 3
frontend 192.0.2.1 address node_address
frontend fd00:96::a address cluster_ip
frontend [fd00:96::a]:53/UDP ClusterIP -> service port 2, pool 1
service port 1 kube-system/dns:dns 53/UDP IPv4
service port 2 kube-system/dns:dns 53/UDP IPv6
service port 3 shop/thief:dns 53/UDP IPv4
pool 1: backend 2
pool 2: backend 1
pool 3: no_endpoints
backend 1 10.244.1.5:53
backend 2 [fd00:244:1::5]:53

-- node-addresses 192.0.2.1 10.96.0.10 --

-- expect plan --
service kube-system/dns
  port dns 53/UDP IPv4
    10.96.0.10:53/UDP ClusterIP -> nowhere: local_address
    0.0.0.0:30053/UDP NodePort -> pool cluster
    pool cluster
      10.244.1.5:53 weight 1, share 100.00%
  port dns 53/UDP IPv6
    [fd00:96::a]:53/UDP ClusterIP -> pool cluster
    [::]:30053/UDP NodePort -> pool cluster
    pool cluster
      [fd00:244:1::5]:53 weight 1, share 100.00%
  warning: clusterIPs: 10.96.0.10 is an address of this node: left to the process that listens on it
service shop/thief
  port dns 53/UDP IPv4
    10.96.0.66:53/UDP ClusterIP -> pool cluster
    10.96.0.10:53/UDP ExternalIP -> nowhere: held by kube-system/dns
    pool cluster: no endpoints

-- expect maps --
frontend [::]:30053/UDP NodePort -> service port 2, pool 1
frontend 0.0.0.0:30053/UDP NodePort -> service port 1, pool 2
frontend 10.96.0.10 address node_address
frontend 10.96.0.66 address cluster_ip
frontend 10.96.0.66:53/UDP ClusterIP -> service port 3, pool 3
frontend 192.0.2.1 address node_address
frontend fd00:96::a address cluster_ip
frontend [fd00:96::a]:53/UDP ClusterIP -> service port 2, pool 1
service port 1 kube-system/dns:dns 53/UDP IPv4
service port 2 kube-system/dns:dns 53/UDP IPv6
service port 3 shop/thief:dns 53/UDP IPv4
pool 1: backend 2
pool 2: backend 1
pool 3: no_endpoints
backend 1 10.244.1.5:53
backend 2 [fd00:244:1::5]:53

-- node-addresses 192.0.2.1 --

-- expect maps --
frontend [::]:30053/UDP NodePort -> service port 2, pool 1
frontend 0.0.0.0:30053/UDP NodePort -> service port 1, pool 2
frontend 10.96.0.10 address cluster_ip
frontend 10.96.0.10:53/UDP ClusterIP -> service port 1, pool 2
frontend 10.96.0.66 address cluster_ip
frontend 10.96.0.66:53/UDP ClusterIP -> service port 3, pool 3
frontend 192.0.2.1 address node_address
frontend fd00:96::a address cluster_ip
frontend [fd00:96::a]:53/UDP ClusterIP -> service port 2, pool 1
service port 1 kube-system/dns:dns 53/UDP IPv4
service port 2 kube-system/dns:dns 53/UDP IPv6
service port 3 shop/thief:dns 53/UDP IPv4
pool 1: backend 2
pool 2: backend 1
pool 3: no_endpoints
backend 1 10.244.1.5:53
backend 2 [fd00:244:1::5]:53
