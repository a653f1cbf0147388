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

/** All that was seen. A part that is undefined could not be looked at; `notSeen` says why. */
export interface Observations {
  readonly nowMs: number;
  /** As in `https://10.0.0.1:6443`. */
  readonly server: string;
  readonly serverVersion: string | undefined;
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
  /** Those that are not the API server's own. */
  readonly apiServices: readonly SeenApiService[] | undefined;
  /** Of this host, when it is looked at. */
  readonly host: HostObservations | undefined;
  readonly notSeen: readonly NotSeen[];
}

export interface NotSeen {
  /** `tokens`, `configz of node-1`. */
  readonly what: string;
  readonly why: string;
}

export interface KubeletUnit {
  readonly path: string;
  /** Flags that it names, without dashes and values. */
  readonly flags: readonly string[];
}

/** What the host that the doctor runs on shows. */
export interface HostObservations {
  readonly hostName: string;
  readonly swapAreas: readonly string[];
  readonly certificates: readonly SeenCertificate[];
  /** Private keys that others than their owner may read. */
  readonly openKeys: readonly string[];
  /** Links like kubelet-client-current.pem that lead nowhere. */
  readonly brokenLinks: readonly string[];
  /** Files of kubelet units; of several the one in /etc counts. */
  readonly kubeletUnits: readonly KubeletUnit[];
  /** Pause image of containerd and the one that the kubelet was told of. */
  readonly pauseImages: { readonly runtime: string | undefined; readonly kubelet: string | undefined };
}
