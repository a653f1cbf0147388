/** The Kubernetes release whose API is served, and what `/version` says of it (apimachinery/pkg/version.Info). */
export const KUBERNETES_MAJOR = '1';
export const KUBERNETES_MINOR = '36';
export const GIT_VERSION = 'v1.36.0+muster-0.1.0';

const ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: 'amd64',
  arm64: 'arm64',
  arm: 'arm',
  ia32: '386',
  ppc64: 'ppc64le',
  s390x: 's390x',
};

/** Git's name for no commit: Muster's own would say nothing of Kubernetes, and upstream's clients want one in hexadecimal. */
const NO_COMMIT = '0'.repeat(40);

export interface VersionInfo {
  readonly major: string;
  readonly minor: string;
  readonly gitVersion: string;
  readonly gitCommit: string;
  readonly gitTreeState: string;
  readonly buildDate: string;
  readonly goVersion: string;
  readonly compiler: string;
  readonly platform: string;
}

export function versionInfo(): VersionInfo {
  return {
    major: KUBERNETES_MAJOR,
    minor: KUBERNETES_MINOR,
    gitVersion: GIT_VERSION,
    gitCommit: NO_COMMIT,
    gitTreeState: 'archive',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: '',
    compiler: `node ${process.version}`,
    platform: `${process.platform}/${ARCHITECTURES[process.arch] ?? process.arch}`,
  };
}
