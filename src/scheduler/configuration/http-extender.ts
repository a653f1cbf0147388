import { readFile } from 'node:fs/promises';
import { parseGoDuration } from '../../std/go-duration.ts';
import type { Extender, ExtenderFilterResult } from '../framework/extender.ts';
import type { PodInfo } from '../pod-info.ts';
import type { Candidate } from '../preemption/victims.ts';
import { amountOf } from '../resources.ts';
import { invalid } from './invalid-setting.ts';
import { type ExtenderTls, postJson } from './post-json.ts';

export interface WrittenExtender {
  readonly urlPrefix?: string;
  readonly filterVerb?: string;
  readonly preemptVerb?: string;
  readonly prioritizeVerb?: string;
  readonly weight?: number;
  readonly bindVerb?: string;
  readonly enableHTTPS?: boolean;
  readonly tlsConfig?: {
    readonly insecure?: boolean;
    readonly serverName?: string;
    readonly certFile?: string;
    readonly keyFile?: string;
    readonly caFile?: string;
    /** Base64, as all three. */
    readonly certData?: string;
    readonly keyData?: string;
    readonly caData?: string;
  };
  readonly httpTimeout?: string;
  readonly nodeCacheCapable?: boolean;
  readonly managedResources?: readonly { readonly name?: string; readonly ignoredByScheduler?: boolean }[];
  readonly ignorable?: boolean;
}

/** Upstream's default (extender.go, DefaultExtenderTimeout). */
const TIMEOUT_MS = 5_000;
/** Upstream's MaxNodeScore over MaxExtenderPriority. */
const SCORE_SCALE = 10;

/** Answers as Go reads them: the names of fields in any case. */
type Answer = Readonly<Record<string, unknown>>;

/**
 * An extender asked over HTTP or HTTPS.
 *
 * @throws CodedError naming the field, or the file that cannot be read
 */
export async function createHttpExtender(written: WrittenExtender, at: string): Promise<Extender> {
  const { urlPrefix = '', weight = 0, managedResources = [], nodeCacheCapable = false } = written;
  if (!/^https?:\/\/./.test(urlPrefix) || !URL.canParse(urlPrefix))
    throw invalid(`${at}.urlPrefix`, urlPrefix, 'must be an http or https URL');
  if (written.prioritizeVerb && weight <= 0) throw invalid(`${at}.weight`, weight, 'must have a positive weight applied to it');
  const ignored = managedResources.findIndex(({ ignoredByScheduler }) => ignoredByScheduler);
  if (ignored >= 0) throw invalid(`${at}.managedResources[${ignored}].ignoredByScheduler`, true, 'is not supported');
  const timeoutMs = written.httpTimeout ? parseGoDuration(written.httpTimeout) : TIMEOUT_MS;
  const tls = await readTls(written);
  const prefix = urlPrefix.replace(/\/+$/, '');
  const ask = async (verb: string, body: object, signal: AbortSignal): Promise<Answer> => {
    const answer = await postJson(`${prefix}/${verb}`, body, { timeoutMs, tls, signal });
    const read = Array.isArray(answer) ? { list: answer } : lowerKeys(answer);
    if (typeof read['error'] === 'string' && read['error']) throw new Error(read['error']);
    return read;
  };
  const { filterVerb, prioritizeVerb, bindVerb, preemptVerb } = written;
  const nodesOf = (nodes: Parameters<NonNullable<Extender['filter']>>[1]) =>
    nodeCacheCapable
      ? { NodeNames: nodes.map(({ name }) => name) }
      : { Nodes: { apiVersion: 'v1', kind: 'NodeList', items: nodes.map(({ node }) => node) } };
  return {
    name: urlPrefix,
    ignorable: written.ignorable ?? false,
    isInterested: ({ requests }) =>
      managedResources.length === 0 || managedResources.some(({ name }) => amountOf(requests, name ?? '') > 0),
    ...(filterVerb && {
      filter: async ({ pod }, nodes, signal) => readFilterResult(await ask(filterVerb, { Pod: pod, ...nodesOf(nodes) }, signal)),
    }),
    ...(prioritizeVerb && {
      async prioritize({ pod }, nodes, signal) {
        const { list = [] } = await ask(prioritizeVerb, { Pod: pod, ...nodesOf(nodes) }, signal);
        return new Map(
          (list as unknown[]).map(lowerKeys).map(({ host, score }) => [String(host), Number(score) * weight * SCORE_SCALE]),
        );
      },
    }),
    ...(bindVerb && {
      async bind({ pod: { metadata } }, nodeName, signal) {
        const { name, namespace, uid } = metadata!;
        await ask(bindVerb, { PodName: name, PodNamespace: namespace, PodUID: uid, Node: nodeName }, signal);
      },
    }),
    ...(preemptVerb && {
      preempt: async (pod, candidates, signal) => preempt(pod, candidates, (body) => ask(preemptVerb, { ...body }, signal)),
    }),
  };
}

function readFilterResult(answer: Answer): ExtenderFilterResult {
  const items = (answer['nodes'] as { items?: { metadata?: { name?: string } }[] } | null | undefined)?.items;
  const names = (answer['nodenames'] as string[] | null | undefined) ?? items?.map(({ metadata }) => metadata?.name ?? '') ?? [];
  return {
    nodes: new Set(names),
    failed: (answer['failednodes'] as Record<string, string> | null | undefined) ?? {},
    failedAndUnresolvable: (answer['failedandunresolvablenodes'] as Record<string, string> | null | undefined) ?? {},
  };
}

/** Candidates that it leaves, with the victims that it leaves or adds of those on the node. */
async function preempt(
  { pod }: PodInfo,
  candidates: readonly Candidate[],
  ask: (body: object) => Promise<Answer>,
): Promise<readonly Candidate[]> {
  const meta = (victims: Candidate['victims']) => victims.map(({ uid }) => ({ UID: uid }));
  const NodeNameToMetaVictims = Object.fromEntries(
    candidates.map(({ node, victims, violations }) => [node.name, { Pods: meta(victims), NumPDBViolations: violations }]),
  );
  const answer = await ask({ Pod: pod, NodeNameToMetaVictims });
  const left = new Map(Object.entries((answer['nodenametometavictims'] as Record<string, unknown> | null | undefined) ?? {}));
  return candidates.flatMap((candidate) => {
    const named = left.get(candidate.node.name);
    if (named === undefined) return [];
    const { pods, numpdbviolations } = lowerKeys(named);
    const victims = ((pods as unknown[] | null | undefined) ?? []).flatMap((each) => {
      const victim = candidate.node.pods.get(String(lowerKeys(each)['uid']));
      return victim ? [victim] : [];
    });
    return victims.length ? [{ ...candidate, victims, violations: Number(numpdbviolations ?? 0) }] : [];
  });
}

function lowerKeys(value: unknown): Answer {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key.toLowerCase(), inner]));
}

async function readTls({ tlsConfig, enableHTTPS, urlPrefix }: WrittenExtender): Promise<ExtenderTls | undefined> {
  if (!enableHTTPS && !urlPrefix?.startsWith('https:')) return undefined;
  const { certFile, keyFile, caFile, certData, keyData, caData, insecure = false, serverName } = tlsConfig ?? {};
  const read = async (data: string | undefined, file: string | undefined) => {
    if (data) return Buffer.from(data, 'base64');
    return file ? readFile(file) : undefined;
  };
  const [cert, key, ca] = await Promise.all([read(certData, certFile), read(keyData, keyFile), read(caData, caFile)]);
  return {
    ...(cert && { cert }),
    ...(key && { key }),
    ...(ca && { ca }),
    ...(serverName && { servername: serverName }),
    rejectUnauthorized: !insecure,
  };
}
