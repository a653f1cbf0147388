import type { Clock } from '../../std/clock.ts';
import { containerOfLog } from '../logs/container-of-log.ts';
import { type Handler, plainAnswer } from './api-exchange.ts';
import { containerOf } from './container-streams.ts';
import type { KubeletView } from './kubelet-view.ts';
import { parseLogQuery } from './log-options.ts';

/** How many logs may be followed at a time: each holds a file, a watch and a connection. */
const MOST_FOLLOWERS = 1000;

/** `/containerLogs/<namespace>/<pod>/<container>`: the log as it is, and with `follow` as it grows. */
export function createContainerLogs(view: KubeletView, clock: Clock): Handler {
  const { readLog } = view;
  let followers = 0;

  /** The log, counted as followed until its reader is gone or it has ended. */
  function followed(log: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncIterable<Uint8Array> {
    followers++;
    let counted = true;
    const leave = () => {
      if (counted) followers--;
      counted = false;
      signal.removeEventListener('abort', leave);
    };
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    return leaving(log, leave);
  }

  return ({ query, signal }, { namespace = '', pod: podName = '', container = '' }) => {
    const parsed = parseLogQuery(query, clock.now());
    if (!('options' in parsed)) return plainAnswer(parsed.status, parsed.message);
    const pod = view.pod(namespace, podName);
    if (!pod) return plainAnswer(404, `pod ${JSON.stringify(podName)} does not exist`);
    if (!containerOf(pod, container))
      return plainAnswer(404, `container ${JSON.stringify(container)} not found in pod ${JSON.stringify(podName)}`);
    let containerId: string;
    try {
      containerId = containerOfLog(pod, container, parsed.options);
    } catch (error) {
      return plainAnswer(400, (error as Error).message);
    }
    // Hollow containers say nothing.
    if (!readLog) return plainAnswer(200, '');
    if (parsed.options.follow && followers >= MOST_FOLLOWERS)
      return plainAnswer(429, 'maximum number of in-flight requests exceeded', { 'retry-after': '60' });
    const shownId = `${view.runtime.version.name}://${containerId}`;
    const log = tellingFailures(readLog(containerId, parsed.options, signal), shownId, signal);
    return {
      status: 200,
      headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
      body: parsed.options.follow ? followed(log, signal) : log,
    };
  };
}

async function* leaving(log: AsyncIterable<Uint8Array>, leave: () => void): AsyncGenerator<Uint8Array> {
  try {
    yield* log;
  } finally {
    leave();
  }
}

/** The head of the answer has gone by then, so that what is wrong is told where the log would be; as upstream. */
async function* tellingFailures(
  log: AsyncIterable<Uint8Array>,
  shownId: string,
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
    yield Buffer.from(gone ? `unable to retrieve container logs for ${shownId}` : message);
  }
}
