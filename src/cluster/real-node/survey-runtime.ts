import { createCriClient } from '../../kubelet/runtime/cri/api/cri-client.ts';
import { findRuntimeEndpoint } from '../../kubelet/runtime/cri/endpoint.ts';
import { CodedError } from '../../std/coded-error.ts';

/** What a container runtime says of itself, as far as a node needs to know it beforehand. */
export interface RuntimeSurvey {
  readonly endpoint: string;
  readonly version: string;
  /** Where it looks for CNI configurations and plugins. */
  readonly cniConfigurationDirectory: string;
  readonly cniPluginDirectories: readonly string[];
  readonly cgroupDriver: 'cgroupfs' | 'systemd';
  /** Pods that it has already. */
  readonly sandboxes: number;
}

const ANSWER_MS = 5_000;

/**
 * Asks the runtime at an endpoint, or at the usual sockets.
 *
 * @throws Error when none answers
 */
export async function surveyRuntime(given: string | undefined): Promise<RuntimeSurvey> {
  const endpoint = await findRuntimeEndpoint(given);
  const cri = createCriClient({ endpoint, requestTimeoutMs: ANSWER_MS });
  try {
    const [{ runtime_name, runtime_version }, { info }, { items }] = await Promise.all([
      cri.call('Version', { version: '0.1.0' }),
      cri.call('Status', { verbose: true }),
      cri.call('ListPodSandbox', {}),
    ]);
    return { endpoint, version: `${runtime_name} ${runtime_version}`, sandboxes: items.length, ...readInfo(info) };
  } finally {
    cri.close();
  }
}

/** Of containerd's verbose status: its configuration as JSON. Other runtimes tell none, and have the usual places. */
export function readInfo(
  info: Readonly<Record<string, string>> | ReadonlyMap<string, string>,
): Pick<RuntimeSurvey, 'cniConfigurationDirectory' | 'cniPluginDirectories' | 'cgroupDriver'> {
  const text = info instanceof Map ? info.get('config') : (info as Readonly<Record<string, string>>)['config'];
  const config = parseObject(text ?? '');
  const cni = objectOf(config['cni']);
  const runtimes = objectOf(objectOf(config['containerd'])['runtimes']);
  const name = objectOf(config['containerd'])['defaultRuntimeName'];
  const runtime = objectOf(runtimes[typeof name === 'string' && name ? name : 'runc']);
  // One directory in containerd 1.6, a list in 2.
  const directories = Array.isArray(cni['binDirs']) ? cni['binDirs'] : [cni['binDir']];
  return {
    cniConfigurationDirectory: typeof cni['confDir'] === 'string' && cni['confDir'] ? cni['confDir'] : '/etc/cni/net.d',
    cniPluginDirectories: directories.filter((directory) => typeof directory === 'string' && directory !== ''),
    cgroupDriver: objectOf(runtime['options'])['SystemdCgroup'] === true ? 'systemd' : 'cgroupfs',
  };
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    return objectOf(JSON.parse(text));
  } catch {
    return {}; // a runtime that says it another way
  }
}

const objectOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};

export interface RuntimeChoice {
  readonly runtime: 'auto' | 'containerd';
  readonly endpoint: string | undefined;
  /** Whether this cluster has pods there from an earlier life. */
  readonly known: boolean;
  /** Of this process; 0 is root. */
  readonly userId: number | undefined;
  readonly survey?: typeof surveyRuntime;
}

/**
 * The runtime that this machine's pods run on; with `auto` a reason not to have one instead of a failure.
 *
 * @throws CodedError RUNTIME_UNREACHABLE, RUNTIME_FORBIDDEN, RUNTIME_IN_USE
 */
export async function chooseRuntime(choice: RuntimeChoice): Promise<RuntimeSurvey | { readonly why: string }> {
  try {
    return await usableRuntime(choice);
  } catch (error) {
    if (choice.runtime === 'containerd' || choice.known) throw error;
    return { why: (error as Error).message };
  }
}

async function usableRuntime({ endpoint, known, userId, survey = surveyRuntime }: RuntimeChoice): Promise<RuntimeSurvey> {
  const advice = '; use --runtime hollow for nodes that only keep the state of pods';
  if (userId !== 0)
    throw new CodedError(`only root can make this machine a node that runs pods${advice}`, { code: 'RUNTIME_FORBIDDEN' });
  let found: RuntimeSurvey;
  try {
    found = await survey(endpoint);
  } catch (cause) {
    throw new CodedError(`${(cause as Error).message}${advice}`, { code: 'RUNTIME_UNREACHABLE', cause });
  }
  // Two kubelets on one runtime would each take the other's pods for leftovers.
  if (found.sandboxes > 0 && !known)
    throw new CodedError(
      `${found.version} at ${found.endpoint} has ${found.sandboxes} pods already, of another cluster or kubelet; take them down first${advice}`,
      { code: 'RUNTIME_IN_USE' },
    );
  return found;
}
