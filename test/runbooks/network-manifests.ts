/** The manifests of pod networks that the runbooks download and edit, as far as the API server and the controllers see them. */

/**
 * `kube-flannel-rbac.yml` and `kube-flannel-legacy.yml` (001, lines 1096-1127) with the runbooks' pod network.
 */
export const FLANNEL_RBAC = `
kind: ClusterRole
apiVersion: rbac.authorization.k8s.io/v1beta1
metadata:
  name: flannel
rules:
- {apiGroups: [""], resources: [pods], verbs: [get]}
- {apiGroups: [""], resources: [nodes], verbs: [list, watch]}
- {apiGroups: [""], resources: [nodes/status], verbs: [patch]}
---
kind: ClusterRoleBinding
apiVersion: rbac.authorization.k8s.io/v1beta1
metadata:
  name: flannel
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: flannel}
subjects:
- {kind: ServiceAccount, name: flannel, namespace: kube-system}
`;

export const FLANNEL_LEGACY = `
apiVersion: v1
kind: ServiceAccount
metadata:
  name: flannel
  namespace: kube-system
---
kind: ConfigMap
apiVersion: v1
metadata:
  name: kube-flannel-cfg
  namespace: kube-system
  labels: {tier: node, app: flannel}
data:
  cni-conf.json: |
    { "name": "cbr0", "type": "flannel", "delegate": { "isDefaultGateway": true } }
  net-conf.json: |
    {
      "Network": "10.64.0.0/10",
      "Backend": {
        "Type": "vxlan"
      }
    }
---
apiVersion: extensions/v1beta1
kind: DaemonSet
metadata:
  name: kube-flannel-ds
  namespace: kube-system
  labels: {tier: node, app: flannel}
spec:
  template:
    metadata:
      labels: {tier: node, app: flannel}
    spec:
      hostNetwork: true
      nodeSelector: {beta.kubernetes.io/arch: amd64}
      serviceAccountName: flannel
      containers:
      - name: kube-flannel
        image: quay.io/coreos/flannel:v0.8.0-amd64
        command: ["/opt/bin/flanneld", "--ip-masq", "--kube-subnet-mgr"]
        securityContext: {privileged: true}
        env:
        - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        volumeMounts:
        - {name: run, mountPath: /run}
        - {name: flannel-cfg, mountPath: /etc/kube-flannel/}
      volumes:
      - {name: run, hostPath: {path: /run}}
      - {name: flannel-cfg, configMap: {name: kube-flannel-cfg}}
`;

/** `calico-etcd.yaml` of v3.9 (001, lines 993-1077) as edited there, without the quotes that were never opened (M-26). */
export const CALICO_ETCD = `
apiVersion: v1
kind: Secret
type: Opaque
metadata:
  name: calico-etcd-secrets
  namespace: kube-system
data:
  etcd-key: ${Buffer.from('key\n').toString('base64')}
  etcd-cert: ${Buffer.from('certificate\n').toString('base64')}
  etcd-ca: ${Buffer.from('authority\n').toString('base64')}
---
kind: ConfigMap
apiVersion: v1
metadata:
  name: calico-config
  namespace: kube-system
data:
  etcd_endpoints: "https://192.168.20.31:2379,https://192.168.20.32:2379,https://192.168.20.33:2379"
  etcd_ca: /calico-secrets/etcd-ca
  etcd_cert: /calico-secrets/etcd-cert
  etcd_key: /calico-secrets/etcd-key
  typha_service_name: "calico-typha"
  calico_backend: "bird"
  cni_network_config: |-
    {
      "name": "k8s-pod-network",
      "cniVersion": "0.3.1",
      "plugins": [{"type": "calico", "etcd_endpoints": "__ETCD_ENDPOINTS__", "ipam": {"type": "calico-ipam"}}]
    }
---
kind: DaemonSet
apiVersion: apps/v1
metadata:
  name: calico-node
  namespace: kube-system
  labels: {k8s-app: calico-node}
spec:
  selector: {matchLabels: {k8s-app: calico-node}}
  updateStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 1}}
  template:
    metadata:
      labels: {k8s-app: calico-node}
      annotations: {scheduler.alpha.kubernetes.io/critical-pod: ''}
    spec:
      nodeSelector: {beta.kubernetes.io/os: linux}
      hostNetwork: true
      tolerations:
      - {effect: NoSchedule, operator: Exists}
      - {key: CriticalAddonsOnly, operator: Exists}
      - {effect: NoExecute, operator: Exists}
      terminationGracePeriodSeconds: 0
      priorityClassName: system-node-critical
      initContainers:
      - name: install-cni
        image: calico/cni:v3.9.1
        command: ["/install-cni.sh"]
        env:
        - {name: CNI_CONF_NAME, value: 10-calico.conflist}
        - {name: ETCD_ENDPOINTS, valueFrom: {configMapKeyRef: {name: calico-config, key: etcd_endpoints}}}
        volumeMounts:
        - {mountPath: /host/opt/cni/bin, name: cni-bin-dir}
        - {mountPath: /host/etc/cni/net.d, name: cni-net-dir}
      - name: flexvol-driver
        image: calico/pod2daemon-flexvol:v3.9.1
      containers:
      - name: calico-node
        image: calico/node:v3.9.1
        env:
        - name: CALICO_IPV4POOL_CIDR
          value: "10.64.0.0/10"
        - name: IP_AUTODETECTION_METHOD
          value: "interface=ens160"
        - name: CALICO_IPV4POOL_IPIP
          value: "off"
        securityContext: {privileged: true}
        volumeMounts:
        - {mountPath: /calico-secrets, name: etcd-certs}
      volumes:
      - {name: cni-bin-dir, hostPath: {path: /opt/cni/bin}}
      - {name: cni-net-dir, hostPath: {path: /etc/cni/net.d}}
      - {name: etcd-certs, secret: {secretName: calico-etcd-secrets, defaultMode: 0400}}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: calico-kube-controllers
  namespace: kube-system
  labels: {k8s-app: calico-kube-controllers}
spec:
  replicas: 1
  selector: {matchLabels: {k8s-app: calico-kube-controllers}}
  strategy: {type: Recreate}
  template:
    metadata:
      labels: {k8s-app: calico-kube-controllers}
    spec:
      hostNetwork: true
      containers:
      - {name: calico-kube-controllers, image: "calico/kube-controllers:v3.9.1"}
`;
