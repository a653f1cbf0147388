/** The Kubernetes release whose API and words Muster follows; what `/version`, `kubelet --version` and a Node's `kubeletVersion` say. */
export const KUBERNETES_VERSION = 'v1.36.0';
export const KUBERNETES_MAJOR = '1';
export const KUBERNETES_MINOR = '36';
/** Muster's own version; equal to package.json's, which a test compares. */
export const MUSTER_VERSION = '0.1.0';
