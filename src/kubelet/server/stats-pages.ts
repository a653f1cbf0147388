import { withoutTrailing } from '../../std/trailing.ts';
import { type Answer, type ApiRequest, jsonAnswer, plainAnswer } from './api-exchange.ts';
import type { KubeletView, StatisticsPages } from './kubelet-view.ts';

/** What an older client says in the body of its question. */
interface StatsRequest {
  readonly containerName: string;
  readonly samples: number;
  readonly below: boolean;
}

const LONGEST_REQUEST_BYTES = 64 * 1024;
const SAMPLES = 60;

/** `/stats/summary`: `only_cpu_and_memory` leaves out disks and networks. */
export async function summaryPage(statistics: StatisticsPages, { query }: ApiRequest): Promise<Answer> {
  const text = query.get('only_cpu_and_memory');
  return jsonAnswer(await statistics.summary({ onlyCpuAndMemory: text !== null && /^(1|t|true)$/i.test(text) }));
}

/** `/stats` and `/stats/container`: the node's root cgroup, or those that the body names. */
export async function cgroupPage(statistics: StatisticsPages, request: ApiRequest, wholeNode: boolean): Promise<Answer> {
  const asked = await readRequest(request);
  if (!asked) return plainAnswer(400, 'the body is no StatsRequest');
  const { containerName, ...options } = asked;
  if (wholeNode) {
    const root = await statistics.cgroup('/', { ...options, below: false });
    return root ? jsonAnswer(root) : plainAnswer(404, 'unknown container "/"');
  }
  const name = `/${withoutTrailing(containerName.replace(/^\/+/, ''), '/')}`;
  const found = await statistics.cgroup(name, options);
  return found
    ? jsonAnswer(options.below ? found : { [name]: found })
    : plainAnswer(404, `unknown container ${JSON.stringify(name)}`);
}

/** `/stats/<namespace>/<pod>/<uid>/<container>` and `/stats/<pod>/<container>` (namespace default). */
export async function containerStatsPage(
  view: KubeletView,
  statistics: StatisticsPages,
  request: ApiRequest,
  { namespace = 'default', pod: podName = '', uid, container = '' }: Readonly<Record<string, string>>,
): Promise<Answer> {
  const asked = await readRequest(request);
  if (!asked) return plainAnswer(400, 'the body is no StatsRequest');
  const pod = view.pod(namespace, podName);
  const podUid = pod?.metadata?.uid;
  if (!podUid || (uid && uid !== podUid)) return plainAnswer(404, `pod not found: ${podName}_${namespace}`);
  const found = await statistics.container(podUid, container, { samples: asked.samples });
  return found ? jsonAnswer(found) : plainAnswer(404, `container not found (${JSON.stringify(container)})`);
}

/** Undefined for a body that cannot be understood. */
async function readRequest({ body }: ApiRequest): Promise<StatsRequest | undefined> {
  try {
    const text = await body(LONGEST_REQUEST_BYTES);
    const given: unknown = text.trim() === '' ? {} : JSON.parse(text);
    if (typeof given !== 'object' || given === null) return undefined;
    const { containerName = '', num_stats: samples = SAMPLES, subcontainers: below = false } = given as Record<string, unknown>;
    if (typeof containerName !== 'string' || !Number.isInteger(samples) || typeof below !== 'boolean') return undefined;
    return { containerName, samples: samples as number, below };
  } catch {
    return undefined; // too long, or no JSON: told by the status
  }
}
