/** The masters that four of the documents presuppose: etcd, API server, controller manager and scheduler, by units. */
import type { SystemdHost } from '../harness/systemd-hosts.ts';
import { until } from '../harness/until.ts';
import type { RunbookHosts } from './runbook-hosts.ts';

export interface ControlPlane {
  readonly masters: readonly SystemdHost[];
  /** Where clients and nodes reach it. */
  readonly server: string;
  /** Directory and names of certificates: `muster certs init --layout`. */
  readonly layout: 'ssl' | 'cert';
  readonly serviceCidr: string;
  readonly programs: string;
  /** More flags, each with its dashes. */
  readonly apiServerFlags?: readonly string[];
  readonly controllerManagerFlags?: readonly string[];
}

/** Makes it on its masters, in step, and resolves when all serve. The administrator's kubeconfig is the first one's `~/.kube/config`. */
export async function startControlPlane(hosts: RunbookHosts, plane: ControlPlane): Promise<void> {
  const { masters, server, layout, serviceCidr } = plane;
  const directory = `/etc/kubernetes/${layout}`;
  const addresses = [...masters.map(({ address }) => address), new URL(server).hostname, '127.0.0.1'];
  const keySuffix = layout === 'cert' ? '-key.pem' : '.key';
  await hosts.sh(`
muster certs init --layout=${layout} --service-cluster-ip-range=${serviceCidr} \\
  ${addresses.map((address) => `--apiserver-ip=${address} --etcd-ip=${address}`).join(' ')}
for name in ${hosts.all.map(({ name }) => name).join(' ')}; do
  ssh $name mkdir -p ${directory}
  scp -q ${directory}/ca.pem $name:${directory}/
done
for name in ${masters.map(({ name }) => name).join(' ')}; do scp -q ${directory}/* $name:${directory}/; done
kubectl config set-cluster kubernetes --certificate-authority=${directory}/ca.pem --server=${server}
kubectl config set-credentials admin --client-certificate=${directory}/admin.pem --client-key=${directory}/admin${keySuffix}
kubectl config set-context kubernetes --cluster=kubernetes --user=admin
kubectl config use-context kubernetes
`);
  await Promise.all(masters.map((master) => hosts.on(master, masterLines(plane, master, directory, keySuffix))));
  // A balancer before them asks them now and then, and sends nobody to them before they have answered it.
  await until('the API servers answer', () => hosts.sh('kubectl get --raw=/readyz'));
}

/** A member of etcd, as a unit. */
export function etcdLines(
  masters: readonly SystemdHost[],
  { name, address }: SystemdHost,
  directory: string,
  keySuffix: string,
): string {
  const members = masters.map((master) => `${master.name}=https://${master.address}:2380`).join(',');
  const [certificate, key] = [`${directory}/etcd.pem`, `${directory}/etcd${keySuffix}`];
  const words = [
    `/usr/bin/etcd --name=${name} --data-dir=/var/lib/etcd/member --initial-cluster=${members} --initial-cluster-state=new`,
    `--listen-client-urls=https://${address}:2379 --advertise-client-urls=https://${address}:2379 --client-cert-auth`,
    `--listen-peer-urls=https://${address}:2380 --initial-advertise-peer-urls=https://${address}:2380 --peer-client-cert-auth`,
    `--trusted-ca-file=${directory}/ca.pem --peer-trusted-ca-file=${directory}/ca.pem`,
    `--cert-file=${certificate} --key-file=${key} --peer-cert-file=${certificate} --peer-key-file=${key}`,
  ];
  return unitLines('etcd', words, 'Type=notify');
}

function masterLines(plane: ControlPlane, master: SystemdHost, directory: string, keySuffix: string): string {
  const { masters, programs, serviceCidr, server, apiServerFlags = [], controllerManagerFlags = [] } = plane;
  const pair = (of: string, certificate: string, key: string) =>
    `--${certificate}=${directory}/${of}.pem --${key}=${directory}/${of}${keySuffix}`;
  const apiServer = [
    `${programs}/kube-apiserver --secure-port=6443 --advertise-address=${master.address} --allow-privileged=true`,
    `--etcd-servers=${masters.map(({ address }) => `https://${address}:2379`).join(',')} --etcd-cafile=${directory}/ca.pem`,
    pair('etcd', 'etcd-certfile', 'etcd-keyfile'),
    pair('apiserver', 'tls-cert-file', 'tls-private-key-file'),
    pair('apiserver', 'kubelet-client-certificate', 'kubelet-client-key'),
    `--client-ca-file=${directory}/ca.pem --service-account-key-file=${directory}/apiserver${keySuffix}`,
    '--authorization-mode=Node,RBAC --anonymous-auth=false --enable-bootstrap-token-auth',
    `--service-cluster-ip-range=${serviceCidr}`,
    ...apiServerFlags,
  ];
  const kubeconfig = (of: string) => `/etc/kubernetes/${of}.kubeconfig`;
  const manager = [
    `${programs}/kube-controller-manager --kubeconfig=${kubeconfig('kube-controller-manager')} --root-ca-file=${directory}/ca.pem`,
    `--service-account-private-key-file=${directory}/apiserver${keySuffix} --use-service-account-credentials=true`,
    `--controllers=*,bootstrapsigner,tokencleaner ${pair('ca', 'cluster-signing-cert-file', 'cluster-signing-key-file')}`,
    '--allocate-node-cidrs=true --cluster-cidr=10.64.0.0/10',
    ...controllerManagerFlags,
  ];
  const scheduler = [`${programs}/kube-scheduler --kubeconfig=${kubeconfig('kube-scheduler')}`];
  return `
${etcdLines(masters, master, directory, keySuffix)}
${unitLines('kube-apiserver', apiServer, 'Type=notify\nNotifyAccess=all')}
${unitLines('kube-controller-manager', manager)}
${unitLines('kube-scheduler', scheduler)}
for name in kube-controller-manager kube-scheduler; do
  kubectl config set-cluster kubernetes --certificate-authority=${directory}/ca.pem --server=${server} --kubeconfig=/etc/kubernetes/$name.kubeconfig
  kubectl config set-credentials system:$name --client-certificate=${directory}/$name.pem --client-key=${directory}/$name${keySuffix} --kubeconfig=/etc/kubernetes/$name.kubeconfig
  kubectl config set-context default --cluster=kubernetes --user=system:$name --kubeconfig=/etc/kubernetes/$name.kubeconfig
  kubectl config use-context default --kubeconfig=/etc/kubernetes/$name.kubeconfig
done >/dev/null
systemctl daemon-reload
systemctl enable --now etcd kube-apiserver kube-controller-manager kube-scheduler 2>&1
`;
}

/** A unit of these words. @param type lines of its section `Service` */
export function unitLines(name: string, words: readonly string[], type = 'Type=simple'): string {
  return `
cat > /etc/systemd/system/${name}.service <<'EOF'
[Unit]
After=network.target ${name === 'etcd' ? '' : 'etcd.service'}
[Service]
${type}
ExecStart=${words.join(' \\\n  ')}
Restart=on-failure
RestartSec=2
LimitNOFILE=65536
TimeoutStartSec=300
[Install]
WantedBy=multi-user.target
EOF`;
}

/** The pod network that the documents leave to others: a bridge of each host's own. */
export function bridgeLines(number: number): string {
  return `
mkdir -p /etc/cni/net.d
cat > /etc/cni/net.d/10-bridge.conflist <<'EOF'
{"cniVersion": "0.4.0", "name": "bridge", "plugins": [{"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true,
  "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.64.${number}.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
EOF
`;
}
