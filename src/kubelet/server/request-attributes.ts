/** What a request to the kubelet's API would do, in the API server's terms: a verb on a subresource of the Node. */
export interface NodeAttributes {
  readonly verb: string;
  /** The first that is allowed lets the request in: the finer one of newer releases, then the one that always worked. */
  readonly subresources: readonly string[];
}

/** Other methods (HEAD too, as upstream) are a verb that only `*` covers. */
const VERBS: ReadonlyMap<string, string> = new Map([
  ['POST', 'create'],
  ['GET', 'get'],
  ['PUT', 'update'],
  ['PATCH', 'patch'],
  ['DELETE', 'delete'],
]);

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
  ['/statusz', 'statusz'],
  ['/flagz', 'configz'],
];

/** Upstream's mapping (pkg/kubelet/server/auth.go). `path` is decoded and without query. */
export function attributesOf(method: string, path: string): NodeAttributes {
  const found = SUBRESOURCES.find(([prefix]) => path === prefix || path.startsWith(`${prefix}/`));
  return { verb: VERBS.get(method) ?? '', subresources: found ? found.slice(1) : ['proxy'] };
}
