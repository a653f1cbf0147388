import type { V1Container, V1ExecAction, V1Probe } from '../../api/gen/types.ts';
import { isGrpcStatus } from '../../std/grpc/grpc-error.ts';
import { expandAll } from '../containers/variable-expansion.ts';
import type { ContainerStreams } from '../runtime/runtime-abilities.ts';
import type { SetTimer } from './http-get.ts';
import { resolveContainerPort } from './probe-target.ts';

/** What one try has shown. `warning` counts as success, and is told. */
export interface TryResult {
  readonly result: 'success' | 'warning' | 'failure';
  /** For the event: `HTTP probe failed with statuscode: 500`. */
  readonly output: string;
}

export interface ProbeTry {
  readonly probe: V1Probe;
  readonly container: V1Container;
  readonly containerId: string;
  /** Where the pod is reached: its own address, or the host's. */
  readonly podIp: string;
}

export interface ProbeTools {
  readonly streams: Pick<ContainerStreams, 'execSync'> | undefined;
  readonly setTimer: SetTimer;
  readonly nowMs: () => number;
}

/** As upstream: no event carries more of what a command printed. */
const LONGEST_OUTPUT = 10 * 1024;

/**
 * Tries a probe once. Each kind's code is loaded when it is first used.
 *
 * @throws Error when it cannot be said how the container is: upstream tries again at once, and then leaves its state as it was
 */
export async function tryProbe({ probe, container, containerId, podIp }: ProbeTry, tools: ProbeTools): Promise<TryResult> {
  const timeoutMs = Math.max(1, probe.timeoutSeconds ?? 1) * 1000;
  if (probe.exec) return tryExec(containerId, commandOf(probe.exec, container), timeoutMs, tools);
  if (probe.httpGet) {
    const { httpGetOf, sendHttpGet } = await import('./http-get.ts');
    const get = httpGetOf(probe.httpGet, container, podIp, 'probe');
    return judge(() => sendHttpGet(get, timeoutMs, tools.setTimer));
  }
  if (probe.tcpSocket) {
    const { tryTcpConnect } = await import('./tcp-connect.ts');
    const port = resolveContainerPort(probe.tcpSocket.port, container);
    return asResult(await tryTcpConnect(probe.tcpSocket.host || podIp, port, timeoutMs, tools.setTimer));
  }
  if (probe.grpc) {
    const { checkGrpcHealth } = await import('./grpc-health.ts');
    const { port, service = '' } = probe.grpc;
    return asResult(await checkGrpcHealth({ host: podIp, port, service, timeoutMs, nowMs: tools.nowMs() }));
  }
  throw new Error(`missing probe handler for ${container.name}`);
}

/** Of variables only those that the container names by value are known here. */
function commandOf({ command = [] }: V1ExecAction, { env = [] }: V1Container): string[] {
  const values = new Map(env.map(({ name, value }) => [name, value]));
  return expandAll(command, (name) => values.get(name));
}

const asResult = (failure: string | undefined): TryResult => ({
  result: failure === undefined ? 'success' : 'failure',
  output: failure ?? '',
});

async function judge(ask: () => Promise<{ status: number; body: string }>): Promise<TryResult> {
  try {
    const { status, body } = await ask();
    if (status >= 200 && status < 300) return { result: 'success', output: body };
    if (status >= 300 && status < 400) return { result: 'warning', output: `Probe terminated redirects, Response body: ${body}` };
    return { result: 'failure', output: `HTTP probe failed with statuscode: ${status}` };
  } catch (error) {
    return { result: 'failure', output: (error as Error).message };
  }
}

async function tryExec(
  containerId: string,
  command: readonly string[],
  timeoutMs: number,
  { streams }: ProbeTools,
): Promise<TryResult> {
  if (!streams) throw new Error('the container runtime cannot run commands in a container');
  try {
    const { stdout, stderr, exitCode } = await streams.execSync(containerId, command, timeoutMs);
    const output = Buffer.concat([stdout, stderr]).subarray(0, LONGEST_OUTPUT).toString();
    return { result: exitCode === 0 ? 'success' : 'failure', output };
  } catch (error) {
    if (!isGrpcStatus(error, 'DeadlineExceeded')) throw error;
    const output = `command timed out: "${command.join(' ')}" timed out after ${timeoutMs / 1000}s`;
    return { result: 'failure', output };
  }
}
