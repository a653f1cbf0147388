/** What a request to the kubelet's API would do, in the API server's terms: a verb on a subresource of the Node. */
export interface NodeAttributes {
  readonly verb: string;
  /** The first that is allowed lets the request in: the finer one of newer releases, then the one that always worked. */
  readonly subresources: readonly string[];
}

const VERBS: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** Longest first where one lies below another. */
const SUBRESOURCES: readonly (readonly [path: string, ...subresources: string[]])[] = [
  ['/stats', 'stats'],
  ['/metrics', 'metrics'],
  ['/logs', 'log'],
  ['/spec', 'spec'],
  ['/checkpoint', 'checkpoint'],
  // KubeletFineGrainedAuthz
  ['/healthz', 'healthz', 'proxy'],
  ['/pods', 'pods', 'proxy'],
  ['/runningpods', 'pods', 'proxy'],
  ['/configz', 'configz', 'proxy'],
];

/** Upstream's mapping (pkg/kubelet/server/auth.go). `path` is decoded and without query. */
export function attributesOf(method: string, path: string): NodeAttributes {
  const found = SUBRESOURCES.find(([prefix]) => path === prefix || path.startsWith(`${prefix}/`));
  return { verb: VERBS[method] ?? '', subresources: found ? found.slice(1) : ['proxy'] };
}
