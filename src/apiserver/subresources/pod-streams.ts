import type { V1Pod } from '../../api/gen/types.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import { badRequest } from '../../api/machinery/status-error.ts';
import { attributesOf } from '../authorization/authorization-filter.ts';
import { forbiddenTo } from '../authorization/forbidden.ts';
import type { ActionHandler, Admission, Authorizer, RequestContext, ServerResponse } from '../contracts.ts';
import { offersProtocol, passUpgrade, type UpgradeTarget, upgradeRequired } from '../proxying/pass-upgrade.ts';
import { encodePath } from '../proxying/proxy-location.ts';
import type { ObjectStore } from '../store-access/object-store.ts';
import { chooseContainer } from './choose-container.ts';
import { admitConnection } from './connect-admission.ts';
import {
  type ConnectOptionsObject,
  kubeletStreamQuery,
  portsOf,
  readPortForwardOptions,
  readStreamOptions,
  streamOptionsOf,
} from './connect-options.ts';
import type { Kubelets } from './kubelets.ts';

export interface PodStreamDeps {
  readonly pod: KindDefinition;
  readonly objects: ObjectStore;
  readonly kubelets: Kubelets;
  readonly admission: () => Admission;
  readonly authorizer: Authorizer;
  readonly webSocketsNeedCreate: boolean;
}

const CLOSING_PROTOCOL = 'v5.channel.k8s.io';
const TUNNEL_PREFIX = 'SPDY/3.1+';

/**
 * `pods/exec`, `pods/attach` and `pods/portforward` (registry/core/pod/rest/subresources.go). SPDY and the older WebSocket protocols go
 * through to the kubelet as they are; WebSockets that can close one stream, or hold SPDY, end here and go on as SPDY.
 */
export function createPodStreamHandlers(deps: PodStreamDeps): ActionHandler[] {
  const kinds = { exec: 'PodExecOptions', attach: 'PodAttachOptions' } as const;
  const streams = (['exec', 'attach'] as const).map(
    (subresource): ActionHandler => ({
      group: '',
      resource: 'pods',
      subresource,
      async handle(context, _body, response) {
        const object = readStreamOptions(kinds[subresource], context.request.query);
        const pod = await admitted(deps, context, object);
        const options = streamOptionsOf(object);
        const { metadata } = pod;
        const container = chooseContainer(pod, options.container);
        const place = `/${subresource}/${metadata?.namespace}/${metadata?.name}/${container}`;
        const target = await kubeletTarget(deps, pod, `${encodePath(place)}${kubeletStreamQuery(options)}`);
        if (offersProtocol(context.request, (protocol) => protocol === CLOSING_PROTOCOL)) {
          const { translateStreams } = await import('../streams/translate-streams.ts');
          await translateStreams(target, options, context, response);
        } else await passOn(target, context, response);
        return undefined;
      },
    }),
  );
  return [
    ...streams,
    {
      group: '',
      resource: 'pods',
      subresource: 'portforward',
      async handle(context, _body, response) {
        const object = readPortForwardOptions(context.request.query);
        const pod = await admitted(deps, context, object);
        const query = new URLSearchParams(portsOf(object).map((port) => ['port', String(port)]));
        const place = encodePath(`/portForward/${pod.metadata?.namespace}/${pod.metadata?.name}`);
        const target = await kubeletTarget(deps, pod, query.size ? `${place}?${query}` : place);
        if (offersProtocol(context.request, (protocol) => protocol.startsWith(TUNNEL_PREFIX))) {
          const { tunnelSpdy } = await import('../streams/tunnel-spdy.ts');
          await tunnelSpdy(target, context, response);
        } else await passOn(target, context, response);
        return undefined;
      },
    },
  ];
}

/** The pod, when admission lets its user in and he may create what a WebSocket only gets. */
async function admitted(deps: PodStreamDeps, context: RequestContext, options: ConnectOptionsObject): Promise<V1Pod> {
  await admitConnection(deps.admission(), context, deps.pod, options);
  if (deps.webSocketsNeedCreate) await authorizeCreate(deps.authorizer, context);
  const { namespace, name } = context.info;
  return (await deps.objects.read({ kind: deps.pod, namespace, name })).object as V1Pod;
}

/**
 * A WebSocket begins with a GET, whose verb is `get`; who may only read shall not run programs for that
 * (upstream's AuthorizePodWebsocketUpgradeCreatePermission). Throws 403.
 */
async function authorizeCreate(authorizer: Authorizer, context: RequestContext): Promise<void> {
  if (context.info.verb === 'create') return;
  const attributes = { ...attributesOf(context), verb: 'create' };
  const { decision, reason } = await authorizer.authorize(attributes);
  if (decision !== 'allow') throw forbiddenTo(attributes, reason);
}

async function kubeletTarget({ kubelets }: PodStreamDeps, { metadata, spec }: V1Pod, path: string): Promise<UpgradeTarget> {
  if (!spec?.nodeName) throw badRequest(`pod ${metadata?.name} does not have a host assigned`);
  return { backend: await kubelets.of(spec.nodeName), path };
}

async function passOn(target: UpgradeTarget, context: RequestContext, response: ServerResponse): Promise<void> {
  if (!context.request.takeOver) throw upgradeRequired();
  await passUpgrade(target, context, response);
}
