import type { IncomingMessage } from 'node:http';
import type { V1Pod } from '../../api/gen/types.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import { StatusError, unnamedFailure } from '../../api/machinery/status-error.ts';
import { request as httpRequest } from '../../std/http.ts';
import type { ActionHandler, ServerRequest, ServerResponse } from '../contracts.ts';
import { type Backend, hostAndPort, originOf } from '../proxying/backend.ts';
import type { BackendAgents } from '../proxying/backend-agents.ts';
import { describeDialFailure } from '../proxying/dial-failure.ts';
import { encodePath } from '../proxying/proxy-location.ts';
import { pourBody } from '../proxying/proxy-request.ts';
import type { ObjectStore } from '../store-access/object-store.ts';
import { chooseContainer } from './choose-container.ts';
import { kubeletFailure } from './kubelet-failure.ts';
import type { Kubelets } from './kubelets.ts';
import { kubeletLogQuery, readLogOptions } from './log-options.ts';

export interface PodLogDeps {
  readonly pod: KindDefinition;
  readonly objects: ObjectStore;
  readonly kubelets: Kubelets;
  readonly agents: BackendAgents;
}

/** `pods/log`: a container's output, as its kubelet sends it (registry/core/pod/rest/log.go). */
export function createPodLogHandler({ pod, objects, kubelets, agents }: PodLogDeps): ActionHandler {
  return {
    group: '',
    resource: 'pods',
    subresource: 'log',
    async handle({ info, request, user }, _body, response) {
      const { namespace, name } = info;
      const options = readLogOptions(request.query, name);
      const { object } = await objects.read({ kind: pod, namespace, name });
      const container = chooseContainer(object as V1Pod, options.container);
      const nodeName = (object as V1Pod).spec?.nodeName;
      if (!nodeName) {
        response.writeHead(204);
        response.end();
        return undefined;
      }
      const backend = await kubelets.of(nodeName, { verified: !options.insecureSkipTLSVerifyBackend });
      const path = `${encodePath(`/containerLogs/${namespace}/${name}/${container}`)}${kubeletLogQuery(options)}`;
      const place = agents.enter(backend, user.name);
      try {
        const answer = await getFrom(place.agent, backend, path, request.signal);
        await sendLog(answer, { name, follow: options.follow, request }, response);
      } finally {
        place.leave();
      }
      return undefined;
    },
  };
}

async function sendLog(
  answer: IncomingMessage,
  { name, follow, request }: { readonly name: string; readonly follow: boolean; readonly request: ServerRequest },
  response: ServerResponse,
): Promise<void> {
  // A client that has gone away shall not keep a kubelet reading.
  const { signal } = request;
  const cut = () => answer.destroy();
  signal.addEventListener('abort', cut, { once: true });
  try {
    const status = answer.statusCode ?? 502;
    if (status < 200 || status > 206) throw await kubeletFailure(answer, status, name);
    if (request.takeOver) {
      const { sendMessages } = await import('../streams/send-messages.ts');
      return await sendMessages(answer, request, response);
    }
    const length = follow ? undefined : answer.headers['content-length'];
    response.writeHead(200, { 'content-type': 'text/plain', ...(length !== undefined && { 'content-length': length }) });
    await pourBody(answer, response);
  } finally {
    signal.removeEventListener('abort', cut);
    answer.destroy();
  }
}

/** A GET of this server's own. Throws a StatusError 500 in the words of Go's client. */
async function getFrom(agent: ReturnType<BackendAgents['enter']>['agent'], backend: Backend, path: string, signal: AbortSignal) {
  try {
    return await new Promise<IncomingMessage>((resolve, reject) => {
      const asking = httpRequest({ agent, method: 'GET', path, headers: { host: hostAndPort(backend) }, signal });
      asking.on('error', reject);
      asking.once('response', resolve);
      asking.once('upgrade', (_answer, socket) => {
        socket.destroy();
        reject(new Error('the kubelet tried to switch protocols'));
      });
      asking.end();
    });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof StatusError) throw error;
    throw unnamedFailure(`Get ${JSON.stringify(`${originOf(backend)}${path}`)}: ${describeDialFailure(error, backend)}`);
  }
}
