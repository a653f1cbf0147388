import type { V1ContainerStatus, V1Pod } from '../../api/gen/types.ts';
import type { Clock } from '../../std/clock.ts';
import { type Handler, plainAnswer } from './api-exchange.ts';
import { containerOf } from './container-streams.ts';
import type { KubeletView } from './kubelet-view.ts';
import { type LogOptions, parseLogQuery } from './log-options.ts';

/** `/containerLogs/<namespace>/<pod>/<container>`: the log as it is, and with `follow` as it grows. */
export function createContainerLogs(view: KubeletView, clock: Clock): Handler {
  const { readLog } = view;
  return ({ query, signal }, { namespace = '', pod: podName = '', container = '' }) => {
    const parsed = parseLogQuery(query, clock.now());
    if (!('options' in parsed)) return plainAnswer(parsed.status, parsed.message);
    const pod = view.pod(namespace, podName);
    if (!pod) return plainAnswer(404, `pod ${JSON.stringify(podName)} does not exist`);
    if (!containerOf(pod, container))
      return plainAnswer(404, `container ${JSON.stringify(container)} not found in pod ${JSON.stringify(podName)}`);
    const found = logOwner(pod, container, parsed.options.previous);
    if ('message' in found) return plainAnswer(400, found.message);
    // Hollow containers say nothing.
    if (!readLog) return plainAnswer(200, '');
    const { containerId } = found;
    return {
      status: 200,
      headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
      body: tellingFailures(readLog(bareId(containerId), parsed.options, signal), containerId, signal),
    };
  };
}

/** The head of the answer has gone by then, so that what is wrong is told where the log would be; as upstream. */
async function* tellingFailures(
  log: AsyncIterable<Uint8Array>,
  containerId: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let begun = false;
  try {
    for await (const chunk of log) {
      begun = true;
      yield chunk;
    }
  } catch (error) {
    if (signal.aborted) return;
    if (begun) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const gone = code === 'ENOENT' || message === '';
    yield Buffer.from(gone ? `unable to retrieve container logs for ${containerId}` : message);
  }
}

const bareId = (containerId: string) => containerId.slice(containerId.indexOf('://') + 3);

/**
 * Which life of a container a log is asked of, in the pod's status; or why there is none, in the words that users know
 * (upstream's validateContainerLogStatus).
 */
export function logOwner(
  pod: Pick<V1Pod, 'metadata' | 'status'>,
  container: string,
  previous: LogOptions['previous'],
): { readonly containerId: string } | { readonly message: string } {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = pod.status ?? {};
  const named = `container ${JSON.stringify(container)} in pod ${JSON.stringify(pod.metadata?.name ?? '')}`;
  const status: V1ContainerStatus | undefined = [
    ...containerStatuses,
    ...initContainerStatuses,
    ...ephemeralContainerStatuses,
  ].find(({ name }) => name === container);
  if (!status) return { message: `${named} is not available` };
  const { waiting, running, terminated } = status.state ?? {};
  const last = status.lastState?.terminated?.containerID;
  if (previous) return last ? { containerId: last } : { message: `previous terminated ${named} not found` };
  if (running) return status.containerID ? { containerId: status.containerID } : { message: `${named} is not available` };
  if (terminated) {
    // The next container did not get so far as to have a log.
    const id = terminated.containerID || last;
    return id ? { containerId: id } : { message: `${named} is terminated` };
  }
  if (last) return { containerId: last };
  if (status.lastState?.terminated) return { message: `${named} is terminated` };
  if (waiting?.reason === 'ErrImagePull') return { message: `${named} is waiting to start: image can't be pulled` };
  if (waiting?.reason === 'ImagePullBackOff')
    return { message: `${named} is waiting to start: trying and failing to pull image` };
  return { message: `${named} is waiting to start${waiting?.reason ? `: ${waiting.reason}` : ' - no logs yet'}` };
}
