/** What `muster up` prints as JSON; a contract with scripts. */
export interface UpResult {
  readonly name: string;
  readonly server: string;
  readonly kubeconfig: string;
  readonly dataDir: string;
  readonly pid: number;
  readonly nodes: readonly string[];
  /** The one of them whose pods run. */
  readonly realNode: string | undefined;
  readonly readyMs: number;
}

export function formatUpJson({ name, server, kubeconfig, dataDir, pid, nodes, realNode, readyMs }: UpResult): string {
  return `${JSON.stringify({ name, server, kubeconfig, dataDir, pid, nodes, realNode, readyMs })}\n`;
}

/** A few lines for people: what there is now, and what to type next. */
export function formatUpText(result: UpResult, how: 'started' | 'running'): string {
  const { name, server, kubeconfig, dataDir, pid, nodes, realNode, readyMs } = result;
  const count = nodes.length === 0 ? 'no nodes' : `${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'}`;
  const joined = nodes.length === 0 ? count : `${count} joined by TLS bootstrap and Ready`;
  const first =
    how === 'started'
      ? `Cluster "${name}" is up: ${joined} in ${(readyMs / 1000).toFixed(2)} s`
      : `Cluster "${name}" is running already: ${count}`;
  const named = name === 'muster' ? '' : ` --name ${name}`;
  return `${first}

  API server   ${server}
  kubeconfig   ${kubeconfig} (context "${name}", selected)
  data         ${dataDir} (process ${pid})
${realNode === undefined ? '' : `  real node    ${realNode} (this machine: its pods run)\n`}
Next:
  kubectl get nodes,csr -o wide
  muster status${named}
  muster down${named}
`;
}
