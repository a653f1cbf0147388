/** The Kubernetes release whose API and words Muster speaks: what `--version`, `/version` and a Node's kubeletVersion say. */
export const KUBERNETES_VERSION = 'v1.36.0';
