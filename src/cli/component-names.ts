/** Components that are commands of their own, under upstream's names. */
export const componentNames: readonly string[] = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
];
