import type { FileContent } from '../desired/step.ts';

/** A certificate with its key, as texts. */
export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

/** What is made once for a cluster, and kept by whoever deploys it. */
export interface Material {
  /** Muster itself, as one file. */
  readonly executable: FileContent;
  /** What it needs of hosts that small installations of Linux do not have, by name. */
  readonly libraries: ReadonlyMap<string, FileContent>;
  /** The cluster's authority; the others are the same one unless `pki.authorities` is `separate`. */
  readonly authority: Pair;
  readonly etcdAuthority: Pair;
  readonly frontProxyAuthority: Pair;
  /** Signs the tokens of service accounts; `certificate` is its public half. */
  readonly serviceAccount: Pair;
  readonly admin: Pair;
  /** By host and name: `apiserver`, `etcd`, `kube-proxy`. */
  pairOf(host: string, name: string): Pair;
}
