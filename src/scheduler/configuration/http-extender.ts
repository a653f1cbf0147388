import { readFile } from 'node:fs/promises';
import type { Agent } from 'node:https';
import { VerifyingAgent } from '../../client/transport/verifying-agent.ts';
import { parseGoDuration } from '../../std/go-duration.ts';
import type { Extender, ExtenderContext, ExtenderFilterResult } from '../framework/extender.ts';
import type { NodeInfo } from '../node-info.ts';
import type { PodInfo } from '../pod-info.ts';
import type { Candidate } from '../preemption/victims.ts';
import { invalid } from './invalid-setting.ts';
import { postJson } from './post-json.ts';

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
/** Connections to one extender that wait for its next question. */
const MOST_IDLE = 25;
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
  const timeoutMs = written.httpTimeout ? parseGoDuration(written.httpTimeout) : TIMEOUT_MS;
  const agent = await agentOf(written, timeoutMs);
  const prefix = urlPrefix.replace(/\/+$/, '');
  const ask = async (verb: string, body: object, signal: AbortSignal): Promise<Answer> => {
    const answer = await postJson(`${prefix}/${verb}`, body, { timeoutMs, agent, signal });
    const read = Array.isArray(answer) ? { list: answer } : lowerKeys(answer);
    if (typeof read['error'] === 'string' && read['error']) throw new Error(read['error']);
    return read;
  };
  const { filterVerb, prioritizeVerb, bindVerb, preemptVerb } = written;
  const managed = new Set(managedResources.map(({ name }) => name));
  const nodesOf = (nodes: Parameters<NonNullable<Extender['filter']>>[1]) =>
    nodeCacheCapable
      ? { NodeNames: nodes.map(({ name }) => name) }
      : { Nodes: { apiVersion: 'v1', kind: 'NodeList', items: nodes.map(({ node }) => node) } };
  return {
    name: urlPrefix,
    ignorable: written.ignorable ?? false,
    isInterested: ({ pod }) => managed.size === 0 || resourceNamesOf(pod).some((name) => managed.has(name)),
    ...(filterVerb && {
      async filter({ pod }, nodes, signal) {
        const result = readFilterResult(await ask(filterVerb, { Pod: pod, ...nodesOf(nodes) }, signal));
        const known = new Set(nodes.map(({ name }) => name));
        for (const name of result.nodes)
          if (!known.has(name))
            throw new Error(
              `extender ${JSON.stringify(urlPrefix)} claims a filtered node ${JSON.stringify(name)} which is not found in the input node list`,
            );
        return result;
      },
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
      async preempt({ pod }, candidates, context) {
        const answer = await ask(preemptVerb, { Pod: pod, ...victimsOf(candidates, nodeCacheCapable) }, context.signal);
        return readCandidates(answer, urlPrefix, context);
      },
    }),
  };
}

/** What any container of a pod asks for, or is limited to. */
function resourceNamesOf({ spec }: PodInfo['pod']): string[] {
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].flatMap(({ resources }) => [
    ...Object.keys(resources?.requests ?? {}),
    ...Object.keys(resources?.limits ?? {}),
  ]);
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

/** Extenders that know the cluster's pods are told of victims by uid. */
function victimsOf(candidates: readonly Candidate[], byUid: boolean): object {
  const of = (each: (victim: PodInfo) => object) =>
    Object.fromEntries(
      candidates.map(({ node, victims, violations }) => [node.name, { Pods: victims.map(each), NumPDBViolations: violations }]),
    );
  return byUid ? { NodeNameToMetaVictims: of(({ uid }) => ({ UID: uid })) } : { NodeNameToVictims: of(({ pod }) => pod) };
}

/** Answers name victims by uid always. */
function readCandidates(answer: Answer, url: string, { nodeOf }: ExtenderContext): readonly Candidate[] {
  const named = (answer['nodenametometavictims'] as Record<string, unknown> | null | undefined) ?? {};
  return Object.entries(named).map(([nodeName, written]) => {
    const node = nodeOf(nodeName);
    if (!node) throw new Error(`extender: ${url} claims to preempt on node ${nodeName}, which is not known`);
    const { pods, numpdbviolations } = lowerKeys(written);
    const victims = ((pods as unknown[] | null | undefined) ?? []).map((each) => victimOn(node, lowerKeys(each)['uid'], url));
    return { node, victims, violations: Number(numpdbviolations ?? 0) };
  });
}

function victimOn(node: NodeInfo, uid: unknown, url: string): PodInfo {
  const victim = node.pods.get(String(uid));
  if (victim) return victim;
  throw new Error(
    `extender: ${url} claims to preempt pod (UID: ${String(uid)}) on node: ${node.name}, but the pod is not found on that node`,
  );
}

function lowerKeys(value: unknown): Answer {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key.toLowerCase(), inner]));
}

/** As in Go's client, the URL alone says whether TLS is spoken, whatever `enableHTTPS` is. */
async function agentOf({ tlsConfig, urlPrefix = '' }: WrittenExtender, connectTimeoutMs: number): Promise<Agent | undefined> {
  if (!urlPrefix.startsWith('https:')) return undefined;
  const { certFile, keyFile, caFile, certData, keyData, caData, insecure = false, serverName } = tlsConfig ?? {};
  const read = async (data: string | undefined, file: string | undefined) =>
    data ? Buffer.from(data, 'base64').toString('latin1') : file && (await readFile(file, 'latin1'));
  const [certificatePem, privateKeyPem, caPem] = await Promise.all([
    read(certData, certFile),
    read(keyData, keyFile),
    read(caData, caFile),
  ]);
  const trust = { ...(caPem && { caPem }), ...(serverName && { tlsServerName: serverName }), insecureSkipTlsVerify: insecure };
  return new VerifyingAgent(
    { server: new URL(urlPrefix).origin, connectTimeoutMs, ...trust },
    { ...(certificatePem && { certificatePem }), ...(privateKeyPem && { privateKeyPem }) },
    MOST_IDLE,
  );
}
