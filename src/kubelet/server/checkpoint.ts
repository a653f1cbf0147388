import { type Handler, plainAnswer } from './api-exchange.ts';
import { containerOf } from './container-streams.ts';
import type { KubeletView } from './kubelet-view.ts';

/** `POST /checkpoint/<namespace>/<pod>/<container>`: refused as upstream does where the runtime has no CheckpointContainer. */
export function createCheckpoint(view: KubeletView): Handler {
  return ({ query }, { namespace = '', pod: podName = '', container = '' }) => {
    const pod = view.pod(namespace, podName);
    if (!pod) return plainAnswer(404, 'pod does not exist');
    if (!containerOf(pod, container)) return plainAnswer(404, `container ${container} does not exist`);
    const timeout = query.getAll('timeout').at(-1);
    if (timeout !== undefined && !/^[+-]?\d{1,18}$/.test(timeout))
      return plainAnswer(404, 'cannot parse value of timeout parameter');
    const { name, version } = view.runtime.version;
    const why = `the runtime ${name} ${version} is not asked for checkpoints: CheckpointContainer is not implemented`;
    return plainAnswer(
      500,
      `checkpointing of ${namespace}/${podName}/${container} failed (rpc error: code = Unimplemented desc = ${why})`,
    );
  };
}
