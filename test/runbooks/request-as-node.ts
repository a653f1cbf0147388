import type { CommandResult } from '../harness/run-command.ts';
import { SERVING_SIGNER } from './csr-table.ts';
import type { RunbookCluster } from './runbook-cluster.ts';

export interface NodeRequest {
  /** Of the request. */
  readonly name: string;
  readonly signer: string;
  readonly usage: 'client auth' | 'server auth';
  /** Whose certificate is asked for. Default: the node's own. */
  readonly subject?: string;
  /** Alternative names of a serving request, as openssl takes them: `DNS:a,IP:10.0.0.1`. Default: the subject's. */
  readonly alternativeNames?: string;
}

/** Files a request as a node does: with its kubeconfig, for a key of openssl's making. */
export function requestAsNode(cluster: RunbookCluster, node: string, request: NodeRequest): Promise<CommandResult> {
  const { name, signer, usage, subject = node, alternativeNames = `DNS:${subject}` } = request;
  const names = signer === SERVING_SIGNER ? `-addext subjectAltName=${alternativeNames}` : '';
  return cluster.trySh(
    `request=$(openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /dev/null \\
      -subj /O=system:nodes/CN=system:node:${subject} ${names} 2>/dev/null | base64 -w 0)
    kubectl --kubeconfig /etc/kubernetes/kubelet.kubeconfig create -f - <<END
    {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": "${name}"},
     "spec": {"request": "$request", "signerName": "${signer}", "usages": ["digital signature", "${usage}"]}}
END`,
    { host: cluster.host(node) },
  );
}
