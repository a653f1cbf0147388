import type { V1CertificateSigningRequest, V1ClusterRole, V1ClusterRoleBinding, V1Lease, V1Node } from '../api/gen/types.ts';

/** A certificate that was seen somewhere, and what matters of it. */
export interface SeenCertificate {
  /** Where: `node/node-1 :10250`, `kubeconfig client`, `API server`. */
  readonly where: string;
  readonly subject: string;
  readonly issuer: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly names: readonly string[];
  readonly isCa: boolean;
  /** By its own key, or by an authority that a kubelet made for itself alone. */
  readonly selfSigned: boolean;
}

/** A bootstrap token without its secret half. */
export interface SeenToken {
  readonly secretName: string;
  readonly id: string;
  /** Whether the Secret has the form that the API server honours; else what is wrong. */
  readonly problem: string | undefined;
  readonly expiresMs: number | undefined;
  readonly usages: readonly string[];
  readonly groups: readonly string[];
}

/** What a node's :10250 showed. */
export interface KubeletProbe {
  readonly address: string;
  readonly port: number;
  /** Why nobody answered. */
  readonly unreachable?: string;
  /** It listens and ends the handshake: a kubelet without a certificate does that. */
  readonly endsHandshakes?: boolean;
  readonly certificate?: SeenCertificate;
  /** Whether the certificate leads to the authority that the kubeconfig knows, whatever its dates. */
  readonly trusted?: boolean;
  /** What its clock says over ours, from the Date of an answer; whole seconds, half the way subtracted. */
  readonly clockOffsetMs?: number;
  /** What the anonymous request for its pods was answered. */
  readonly anonymousStatus?: number;
}

export interface SeenNode {
  readonly node: V1Node;
  readonly lease: V1Lease | undefined;
  readonly probe: KubeletProbe | undefined;
  /** Its configuration as it runs, by nodes/proxy; undefined when that may not be asked. */
  readonly configz: Readonly<Record<string, unknown>> | undefined;
  /** What the kubelet answered when the API server, by nodes/proxy, came with its own certificate and was refused. */
  readonly refusal?: string;
  /** Why the API server could not speak with it, in the API server's words; undefined when it could, or nobody asked. */
  readonly outOfReach?: string;
  /** Seconds that its client certificate still lives, by its metrics. */
  readonly clientTtlSeconds: number | undefined;
}

export interface SeenRbac {
  readonly roles: readonly V1ClusterRole[];
  readonly bindings: readonly V1ClusterRoleBinding[];
}

export interface SeenDns {
  readonly serviceAddresses: readonly string[];
  /** Ready endpoints of the DNS Service. */
  readonly endpoints: number;
}

/** An API that another server answers for. */
export interface SeenApiService {
  readonly name: string;
  readonly service: string;
  readonly available: boolean;
  readonly reason: string;
}

/** Keys are named as in tokens (`kid`). */
export interface SeenAccountKeys {
  readonly verifying: readonly string[];
  /** `namespace/name` of Secrets with tokens, by the key that has signed them. */
  readonly signed: ReadonlyMap<string, readonly string[]>;
}

/** All that was seen. A part that is undefined could not be looked at; `notSeen` says why. */
export interface Observations {
  readonly nowMs: number;
  /** As in `https://10.0.0.1:6443`. */
  readonly server: string;
  readonly serverVersion: string | undefined;
  /** Whom the kubeconfig trusts, and whom the API server lets sign its callers' certificates, as PEM. */
  readonly authorityPem: string | undefined;
  readonly clientAuthorityPem: string | undefined;
  /** Certificates besides those of nodes. */
  readonly certificates: readonly SeenCertificate[];
  /** Why the API server's certificate does not hold for the address in the kubeconfig. */
  readonly serverNameProblem: string | undefined;
  /** Whether cluster-info and the kubeconfig have the same authority; undefined when there is no cluster-info. */
  readonly clusterInfoAgrees: boolean | undefined;
  readonly tokens: readonly SeenToken[] | undefined;
  readonly rbac: SeenRbac | undefined;
  readonly requests: readonly V1CertificateSigningRequest[] | undefined;
  readonly nodes: readonly SeenNode[] | undefined;
  /** Leases of kube-controller-manager and kube-scheduler, by name. */
  readonly leaders: ReadonlyMap<string, V1Lease> | undefined;
  readonly dns: SeenDns | undefined;
  /** Addresses behind the Service `kubernetes`: one for each API server. */
  readonly apiServers: readonly string[] | undefined;
  /** What kubeadm's ConfigMap tells kube-proxy of the pods' network; undefined where there is none. */
  readonly proxyClusterCidr: string | undefined;
  /** Those that are not the API server's own. */
  readonly apiServices: readonly SeenApiService[] | undefined;
  /** Which keys the API server verifies service-account tokens with, and which have signed those that Secrets of kube-system hold. */
  readonly accountKeys: SeenAccountKeys | undefined;
  /** Those that were looked at themselves. */
  readonly hosts: readonly HostObservations[];
  readonly notSeen: readonly NotSeen[];
}

export interface NotSeen {
  /** `tokens`, `configz of node-1`. */
  readonly what: string;
  readonly why: string;
}

/** A component's systemd unit. */
export interface HostUnit {
  readonly path: string;
  /** By the file's name: `kubelet`. */
  readonly component: string;
  /** Of its command; empty values where it has none. */
  readonly flags: ReadonlyMap<string, string>;
  /** Whom it runs as, where it says. */
  readonly user: string | undefined;
  /** Units without which it is not started (`Requires=`). */
  readonly requires: readonly string[];
  /** Whether nothing of the command comes from an environment that could not be seen. */
  readonly whole: boolean;
  /** Flags on lines that the command does not reach, since a line before lacks its backslash. */
  readonly lost: readonly string[];
}

/** Who may read a private key, as `ls -l` shows it; a plus at the end of the mode stands for an access list. */
export interface SeenKey {
  readonly path: string;
  readonly mode: string;
  readonly owner: string;
}

export interface SettingsFile {
  readonly path: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** A file that signs service-account tokens, or that they are verified with. */
export interface AccountKeyFile {
  readonly component: string;
  /** `service-account-key-file`, `service-account-signing-key-file`, `service-account-private-key-file`. */
  readonly flag: string;
  readonly path: string;
  /** Of its public halves, as tokens name them (`kid`); empty when it could not be read. */
  readonly keyIds: readonly string[];
}

/** With what a kubelet is to join. */
export interface SeenJoining {
  readonly path: string;
  /** As in `https://10.0.0.1:6443`; empty where it says none. */
  readonly server: string;
  /** Of a bootstrap token; undefined where it is none, or where there is none. */
  readonly tokenId: string | undefined;
  /** Whom it trusts; empty where it does not say so, or names a file that is not there. */
  readonly authorityPem: string;
}

/** What a host shows, this one or another. */
export interface HostObservations {
  readonly hostName: string;
  /** Before paths that are of another host; else empty. */
  readonly prefix: string;
  /** How far its clock is ahead of ours at least; negative: behind; undefined where nobody knows. */
  readonly clockOffsetMs: number | undefined;
  readonly joining: SeenJoining | undefined;
  /** What its kubelet shows the API server. */
  readonly kubeletClient: { readonly path: string; readonly pem: string } | undefined;
  readonly swapAreas: readonly string[];
  readonly certificates: readonly SeenCertificate[];
  readonly keys: readonly SeenKey[];
  /** Links like kubelet-client-current.pem that lead nowhere. */
  readonly brokenLinks: readonly string[];
  /** Units of components; of several of one name the first counts. */
  readonly units: readonly HostUnit[];
  /** Of units and of kubeadm's manifests. */
  readonly accountKeys: readonly AccountKeyFile[];
  /** Files that units name by a flag and that are not there. */
  readonly missing: readonly { readonly unit: string; readonly flag: string; readonly path: string }[];
  /** Files of settings that cannot be read as YAML. */
  readonly unreadable: readonly { readonly path: string; readonly why: string }[];
  /** Where the kubelet works, and whose it is. */
  readonly workDirectory: SeenKey | undefined;
  /** Ports of outgoing connections, and what is left out of them as the kernel shows it. */
  readonly localPorts: { readonly from: number; readonly to: number; readonly reserved: string } | undefined;
  /** Pause image of containerd and the one that the kubelet was told of. */
  readonly pauseImages: { readonly runtime: string | undefined; readonly kubelet: string | undefined };
  /** The kubelet's and kube-proxy's configuration files. */
  readonly kubeletFile: SettingsFile | undefined;
  readonly proxyFile: SettingsFile | undefined;
}
