/** Which top-level folder may import which; `client/transport` is a door of its own. The table in ARCHITECTURE.md is this one. */
export const MAY_IMPORT: Record<string, readonly string[]> = {
  std: [],
  api: ['std'],
  pki: ['std'],
  host: ['std'],
  store: ['std'],
  'client/transport': ['std', 'api', 'pki'],
  client: ['std', 'api', 'pki', 'store', 'host', 'client/transport'],
  apiserver: ['std', 'api', 'pki', 'store', 'client/transport'],
  ...Object.fromEntries(
    ['controllers', 'scheduler', 'kubelet', 'proxy', 'network', 'dns', 'approver', 'doctor', 'deploy'].map((name) => [
      name,
      ['std', 'api', 'pki', 'store', 'host', 'client', 'client/transport'],
    ]),
  ),
};
/** Only these put components together. */
export const CONDUCTORS: ReadonlySet<string> = new Set(['cluster', 'cli']);
