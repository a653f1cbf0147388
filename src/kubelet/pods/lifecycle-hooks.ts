import type { V1Container, V1LifecycleHandler } from '../../api/gen/types.ts';
import type { Clock } from '../../std/clock.ts';
import { httpGetOf, sendHttpGet } from '../probes/http-get.ts';
import type { ContainerStreams } from '../runtime/runtime-abilities.ts';

export interface HookRequest {
  readonly handler: V1LifecycleHandler;
  readonly container: V1Container;
  readonly containerId: string;
  /** Where the pod is reached. */
  readonly podIp: string;
  /** Undefined: as long as it takes. */
  readonly timeoutMs?: number;
  /** Ends waiting. */
  readonly signal: AbortSignal;
}

/** Runs a postStart or preStop hook to its end. Rejects when it fails, takes too long or is given up. */
export type RunHook = (request: HookRequest) => Promise<void>;

/** Of a hook that fails: what it printed stands in the log, and in the pod's status, which the server must be able to take. */
const LONGEST_SAID_BYTES = 10 * 1024;
const LONGEST_COMMAND = 1024;
/** What upstream's client waits for an answer at most. */
const LONGEST_HTTP_MS = 600_000;

export function createHookRunner(options: { readonly streams: ContainerStreams; readonly clock: Clock }): RunHook {
  const { streams, clock } = options;

  async function act({ handler, container, containerId, podIp, timeoutMs = 0 }: HookRequest, signal: AbortSignal): Promise<void> {
    if (handler.exec) {
      const { exitCode, stdout, stderr } = await streams.execSync(containerId, handler.exec.command ?? [], timeoutMs);
      const said = Buffer.concat([stdout, stderr]).subarray(0, LONGEST_SAID_BYTES).toString('utf8');
      const command = handler.exec.command?.join(' ').slice(0, LONGEST_COMMAND);
      if (exitCode !== 0) throw new Error(`command '${command}' exited with ${exitCode}: ${said}`);
    } else if (handler.httpGet) {
      const get = httpGetOf(handler.httpGet, container, podIp, 'lifecycle');
      const { status } = await sendHttpGet(get, timeoutMs || LONGEST_HTTP_MS, (ms, fn) => clock.setTimer(ms, fn));
      if (status < 200 || status >= 400) throw new Error(`HTTP probe failed with statuscode: ${status}`);
    } else if (handler.sleep) await clock.sleep(handler.sleep.seconds * 1000, signal);
    else throw new Error(`a hook of kind ${Object.keys(handler).join(', ') || 'none'} is not supported`);
  }

  return async (request) => {
    const end = new AbortController();
    const signal = AbortSignal.any([request.signal, end.signal]);
    const given = request.timeoutMs;
    const timer = given === undefined ? undefined : clock.setTimer(given, () => end.abort(new Error('the hook took too long')));
    const ended = Promise.withResolvers<never>();
    const onAbort = () => ended.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      await Promise.race([act(request, signal), ended.promise]);
    } finally {
      timer?.cancel();
      signal.removeEventListener('abort', onAbort);
    }
  };
}
