import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { formatTime } from '../../api/machinery/object.ts';
import type { Clock } from '../../std/clock.ts';
import { parseGoDuration } from '../../std/go-duration.ts';
import { type Handler, jsonAnswer, plainAnswer } from './api-exchange.ts';
import { containerOf } from './container-streams.ts';
import type { KubeletView } from './kubelet-view.ts';

/**
 * `POST /checkpoint/<namespace>/<pod>/<container>`: the runtime writes the container's state to an archive below the kubelet's root, and
 * the answer names it. Where the runtime has no CheckpointContainer its refusal is told as upstream tells it.
 */
export function createCheckpoint(view: KubeletView, clock: Clock): Handler {
  const { runtime, checkpointDirectory: directory } = view;
  const usualMs = parseGoDuration(view.configuration.runtimeRequestTimeout);

  async function write(fullName: string, podUid: string, container: string, timeoutMs: number): Promise<string> {
    const { name, version } = runtime.version;
    if (!runtime.checkpoint || directory === undefined)
      throw new Error(`rpc error: code = Unimplemented desc = ${name} ${version} has no containers to write checkpoints of`);
    const found = await view.container(podUid, container);
    if (!found) throw new Error(`container ${container} not found`);
    // What a container held in memory is nobody's to read but root's.
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const location = join(directory, `checkpoint-${fullName}-${container}-${formatTime(clock.now())}.tar`);
    // A runtime is given no less time than for other calls.
    await runtime.checkpoint(found.id, location, Math.max(timeoutMs, usualMs));
    return location;
  }

  return async ({ query }, { namespace = '', pod: podName = '', container = '' }) => {
    const pod = view.pod(namespace, podName);
    if (!pod) return plainAnswer(404, 'pod does not exist');
    if (!containerOf(pod, container)) return plainAnswer(404, `container ${container} does not exist`);
    const timeout = query.getAll('timeout').at(-1) ?? '0';
    if (!/^[+-]?\d{1,18}$/.test(timeout)) return plainAnswer(404, 'cannot parse value of timeout parameter');
    try {
      if (Number(timeout) < 0) throw new Error('CheckpointContainer requires the timeout value to be > 0');
      const seconds = Math.min(Number(timeout), LONGEST_SECONDS);
      return jsonAnswer({ items: [await write(`${podName}_${namespace}`, pod.metadata?.uid ?? '', container, seconds * 1000)] });
    } catch (error) {
      const why = (error as Error).message;
      return plainAnswer(500, `checkpointing of ${namespace}/${podName}/${container} failed (${why})`);
    }
  };
}

/** A day: longer than any checkpoint, and no more than timers can wait. */
const LONGEST_SECONDS = 86_400;
