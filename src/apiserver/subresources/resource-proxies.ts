import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { ActionHandler, Admission } from '../contracts.ts';
import type { Backend } from '../proxying/backend.ts';
import type { BackendAgents } from '../proxying/backend-agents.ts';
import { passUpgrade } from '../proxying/pass-upgrade.ts';
import { encodePath, proxyLocation } from '../proxying/proxy-location.ts';
import { proxyRequest } from '../proxying/proxy-request.ts';
import { admitConnection } from './connect-admission.ts';
import { proxyOptions } from './connect-options.ts';
import { nodeTarget, type ProxyTargetDeps, podTarget, serviceTarget } from './proxy-targets.ts';

export interface ResourceProxyDeps extends ProxyTargetDeps {
  readonly node: KindDefinition;
  readonly agents: BackendAgents;
  readonly admission: () => Admission;
}

/** `pods/proxy`, `services/proxy` and `nodes/proxy`: any request, WebSockets and the like too, to what an object stands for. */
export function createProxyHandlers(deps: ResourceProxyDeps): ActionHandler[] {
  const proxy = (
    kind: KindDefinition,
    optionsKind: Parameters<typeof proxyOptions>[0],
    find: (namespace: string, id: string) => Promise<Backend>,
  ): ActionHandler => ({
    group: '',
    resource: kind.resource,
    subresource: 'proxy',
    async handle(context, _body, response) {
      const { request, info } = context;
      const location = proxyLocation(request.path, request.uri, request.query);
      await admitConnection(deps.admission(), context, kind, proxyOptions(optionsKind, location.path));
      const backend = await find(info.namespace, info.name);
      if (!request.takeOver) await proxyRequest(deps.agents, { backend, location, caller: context.user.name }, request, response);
      else await passUpgrade({ backend, path: `${encodePath(location.path) || '/'}${location.query}` }, context, response);
      return undefined;
    },
  });
  return [
    proxy(deps.pod, 'PodProxyOptions', (namespace, id) => podTarget(deps, namespace, id)),
    proxy(deps.service, 'ServiceProxyOptions', (namespace, id) => serviceTarget(deps, namespace, id)),
    proxy(deps.node, 'NodeProxyOptions', (_namespace, id) => nodeTarget(deps, id)),
  ];
}
