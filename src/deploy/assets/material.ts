import type { BundledPackage } from '../bundle/bundle.ts';
import type { FileContent } from '../desired/step.ts';
import type { UpstreamPrograms } from '../distribution/program-flags.ts';
import type { EncryptionKeys } from './encryption-keys.ts';
import type { RotationStage } from './rotation.ts';

/** A certificate with its key, as texts. */
export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

/** What signs certificates. */
export interface AuthorityPair extends Pair {
  /** All certificates that are trusted where this authority's are: its own first, another one while it is replaced. */
  readonly trust: string;
  readonly stage: RotationStage;
}

/** What is made once for a cluster, and kept by whoever deploys it. */
export interface Material {
  /** Muster itself, as one file. */
  readonly executable: FileContent;
  /** What it needs of hosts that small installations of Linux do not have, by name. */
  readonly libraries: ReadonlyMap<string, FileContent>;
  /** In the place of Muster's own; empty for none. */
  readonly programs: UpstreamPrograms;
  /** Of a bundle: hosts get those that they lack. */
  readonly packages: readonly BundledPackage[];
  /** The cluster's authority; the others are the same one unless `pki.authorities` is `separate`. */
  readonly authority: AuthorityPair;
  readonly etcdAuthority: AuthorityPair;
  readonly frontProxyAuthority: AuthorityPair;
  /** Signs the tokens of service accounts; `certificate` is its public half, and `trust` all public halves that tokens are verified with. */
  readonly serviceAccount: AuthorityPair;
  /** How Secrets are kept in etcd. */
  readonly encryption: EncryptionKeys;
  readonly admin: Pair;
  /** By host and name: `apiserver`, `etcd`, `kube-proxy`. */
  pairOf(host: string, name: string): Pair;
}
