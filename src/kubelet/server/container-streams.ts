import type { V1Pod } from '../../api/gen/types.ts';
import type { Clock } from '../../std/clock.ts';
import { parseGoDuration } from '../../std/go-duration.ts';
import { isGrpcStatus } from '../../std/grpc/grpc-error.ts';
import type { ContainerStreams } from '../runtime/runtime-abilities.ts';
import { type Answer, errorAnswer, type Handler, plainAnswer } from './api-exchange.ts';
import type { KubeletView } from './kubelet-view.ts';
import {
  parseForwardedPorts,
  parseStreamChoice,
  type StreamChoice,
  StreamQueryError,
  wantsClosingStreams,
  wantsTunnel,
} from './stream-options.ts';
import { tunnelTo } from './stream-tunnel.ts';

/** How many execs, attaches and port-forwards there may be at a time. */
const MOST_STREAMS = 1000;
/** As upstream: how long it takes until a place may be free again. */
const RETRY_AFTER_SECONDS = '60';

interface Place {
  readonly url: URL;
  readonly wanted?: StreamChoice;
}

/** `/exec`, `/attach`, `/portForward` and `/run`: the kubelet asks the runtime for the stream, and stands between it and the caller. */
export function createContainerStreams(
  view: KubeletView,
  clock: Clock,
): { readonly exec: Handler; readonly attach: Handler; readonly portForward: Handler; readonly run: Handler } {
  const { streams } = view.runtime;
  const idleMs = parseGoDuration(view.configuration['streamingConnectionIdleTimeout'] as string);
  let open = 0;

  /** One stream from its query to its end. `locate` answers the runtime's URL, and of a command which streams it has. */
  const stream =
    <Query>(
      parse: (request: Parameters<Handler>[0]) => Query,
      locate: (streams: ContainerStreams, pod: V1Pod, query: Query, parameters: Parameters<Handler>[1]) => Promise<Place>,
    ): Handler =>
    async (request, parameters) => {
      let query: Query;
      try {
        query = parse(request);
      } catch (error) {
        if (error instanceof StreamQueryError) return plainAnswer(400, error.message);
        throw error;
      }
      const pod = view.pod(parameters['namespace']!, parameters['pod']!);
      if (!pod) return plainAnswer(404, 'pod does not exist');
      if (!streams) return hollow();
      if (open >= MOST_STREAMS)
        return plainAnswer(429, 'maximum number of in-flight requests exceeded', { 'retry-after': RETRY_AFTER_SECONDS });
      open++;
      try {
        const { url, wanted } = await locate(streams, pod, query, parameters);
        const { upgrade } = request;
        if (!upgrade) return errorAnswer(500, 'Upgrade request required');
        const asked = { ...request, upgrade };
        if (wanted ? wantsClosingStreams(request.headers) : wantsTunnel(request.headers)) {
          // Loaded where it is used: most streams come as SPDY, by the API server.
          const { translateToSpdy, tunnelSpdy } = await import('./websocket-streams.ts');
          return await (wanted ? translateToSpdy(url, wanted, asked, { idleMs }) : tunnelSpdy(url, asked, { clock, idleMs }));
        }
        return await tunnelTo(url, asked, { clock, idleMs });
      } catch (error) {
        return streamError(error);
      } finally {
        open--;
      }
    };

  async function runningContainer(pod: V1Pod, { uid, container = '' }: Readonly<Record<string, string>>): Promise<string> {
    const found = isPod(pod, uid) ? await view.container(pod.metadata?.uid ?? '', container) : undefined;
    if (found?.phase !== 'running') throw new Error(`container not found (${JSON.stringify(container)})`);
    return found.id;
  }

  // Words without a colon: kubectl 1.20 reads an answer that is YAML as an empty Status, and says nothing of it.
  const hollow = (): Answer =>
    plainAnswer(
      501,
      `node ${view.nodeName} is hollow and keeps the state of pods without running containers, so there is nothing to connect to (runtime ${view.runtime.version.name})`,
    );

  return {
    exec: stream(
      ({ query }) => ({ choice: parseStreamChoice(query), command: query.getAll('command') }),
      async (runtime, pod, { choice, command }: { choice: StreamChoice; command: string[] }, parameters) => ({
        url: await runtime.exec({ containerId: await runningContainer(pod, parameters), ...choice, command }),
        wanted: choice,
      }),
    ),
    attach: stream(
      ({ query }) => parseStreamChoice(query),
      async (runtime, pod, choice: StreamChoice, parameters) => {
        const containerId = await runningContainer(pod, parameters);
        // Whether it has a terminal is the container's matter, whatever the query says.
        const tty = containerOf(pod, parameters['container']!)?.tty ?? false;
        const wanted = { ...choice, tty, stderr: choice.stderr && !tty };
        return { url: await runtime.attach({ containerId, ...wanted }), wanted };
      },
    ),
    portForward: stream(
      ({ query, headers }) => parseForwardedPorts(query, headers),
      async (runtime, pod, ports: number[], { uid }) => {
        const { name, namespace, uid: podUid = '' } = pod.metadata ?? {};
        if (!isPod(pod, uid)) throw new AnsweredError(plainAnswer(404, 'pod not found'));
        const sandbox = await view.sandbox(podUid);
        if (!sandbox) throw new Error(`pod not found (${JSON.stringify(`${name}_${namespace}`)})`);
        return { url: await runtime.portForward(sandbox.id, ports) };
      },
    ),
    async run({ query }, parameters) {
      const pod = view.pod(parameters['namespace']!, parameters['pod']!);
      if (!pod) return plainAnswer(404, 'pod does not exist');
      if (!streams) return hollow();
      const command = (query.get('cmd') ?? '').split(' ');
      try {
        const { stdout, stderr, exitCode } = await streams.execSync(await runningContainer(pod, parameters), command, 0);
        if (exitCode !== 0)
          return plainAnswer(500, `command '${command.join(' ')}' exited with ${exitCode}: ${stderr.toString('utf8')}`);
        return { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.concat([stdout, stderr]) };
      } catch (error) {
        return plainAnswer(500, (error as Error).message);
      }
    },
  };
}

class AnsweredError extends Error {
  readonly answer: Answer;
  constructor(answer: Answer) {
    super(String(answer.body));
    this.answer = answer;
  }
}

/** A static pod goes by two uids: its own, and that of its mirror pod, which the API shows. */
function isPod({ metadata }: V1Pod, uid: string | undefined): boolean {
  return !uid || uid === metadata?.uid || uid === metadata?.annotations?.['kubernetes.io/config.mirror'];
}

export function containerOf({ spec }: V1Pod, name: string) {
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? []), ...(spec?.ephemeralContainers ?? [])].find(
    (container) => container.name === name,
  );
}

/** As cri-streaming's WriteError: what the runtime said, with the status of its gRPC code. */
function streamError(error: unknown): Answer {
  if (error instanceof AnsweredError) return error.answer;
  const { message } = error as Error;
  if (isGrpcStatus(error, 'NotFound')) return plainAnswer(404, message);
  if (isGrpcStatus(error, 'ResourceExhausted')) return plainAnswer(429, message, { 'retry-after': RETRY_AFTER_SECONDS });
  return plainAnswer(500, message);
}
