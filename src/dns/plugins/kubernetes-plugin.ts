import { parseLabelSelector } from '../../api/machinery/label-selector.ts';
import { checkCount, checkNoBlock, readDuration, readInteger, readZones, unknownProperty } from '../corefile/arguments.ts';
import { CorefileError } from '../corefile/corefile-error.ts';
import type { Directive } from '../corefile/parse-corefile.ts';
import { type ClusterWatch, watchCluster } from '../kubernetes/cluster-data.ts';
import type { PodMode } from '../kubernetes/cluster-zone.ts';
import { type AnswerOptions, answerFromCluster, denial } from '../kubernetes/kubernetes-answers.ts';
import { RCODE } from '../message/constants.ts';
import { zoneOf } from '../message/names.ts';
import { fallsThrough, readFallthrough } from './fallthrough.ts';
import { emptyReply, type Plugin, type PluginContext, type PluginDefinition, type Query, type Reply } from './plugin.ts';

const DEFAULT_TTL = 5;
const UNSYNCED = 'plugin/kubernetes: the objects of the API server are not known yet';

interface KubernetesSettings {
  zones: readonly string[];
  podMode: PodMode;
  endpointPodNames: boolean;
  ttl: number;
  fallthrough: readonly string[] | undefined;
  namespaces: ReadonlySet<string> | undefined;
  labelSelector: string | undefined;
  namespaceSelector: string | undefined;
  endpoints: boolean;
  ignoreEmptyServices: boolean;
  /** How long the server waits for all objects before it starts with what it has. */
  startupMs: number;
  kubeconfig: { path: string; context?: string } | undefined;
}

/** `kubernetes [ZONES...] { … }`: the names of a cluster's services and pods. */
export const kubernetesPlugin: PluginDefinition = {
  name: 'kubernetes',
  repeatable: true,
  read(directives, zones) {
    const settings = directives.map((directive) => readSettings(directive, zones));
    return (context) => createPlugin(settings, context);
  },
};

function readSettings(directive: Directive, blockZones: readonly string[]): KubernetesSettings {
  const settings: KubernetesSettings = {
    zones: directive.args.length > 0 ? readZones(directive, directive.args) : blockZones,
    podMode: 'disabled',
    endpointPodNames: false,
    ttl: DEFAULT_TTL,
    fallthrough: undefined,
    namespaces: undefined,
    labelSelector: undefined,
    namespaceSelector: undefined,
    endpoints: true,
    ignoreEmptyServices: false,
    startupMs: 5_000,
    kubeconfig: undefined,
  };
  for (const property of directive.block) {
    checkNoBlock(property);
    readProperty(settings, property);
  }
  if (settings.namespaces && settings.namespaceSelector !== undefined)
    throw new CorefileError(directive, 'namespaces and namespace_labels cannot both be set');
  if (!settings.zones.some(isForward)) throw new CorefileError(directive, 'kubernetes needs a zone that is no reverse zone');
  return settings;
}

function readProperty(settings: KubernetesSettings, property: Directive): void {
  const { args } = property;
  switch (property.name) {
    case 'pods': {
      const [mode] = checkCount(property, 1);
      if (mode !== 'disabled' && mode !== 'insecure' && mode !== 'verified')
        throw new CorefileError(property, `wrong value for pods: ${mode},  must be one of: disabled, verified, insecure`);
      settings.podMode = mode;
      return;
    }
    case 'endpoint_pod_names':
      checkCount(property, 0);
      settings.endpointPodNames = true;
      return;
    case 'ttl':
      settings.ttl = readInteger(property, checkCount(property, 1)[0]!, 0, 3600);
      return;
    case 'fallthrough':
      settings.fallthrough = readFallthrough(property);
      return;
    case 'namespaces':
      checkCount(property, 1, Number.MAX_SAFE_INTEGER);
      settings.namespaces = new Set(args);
      return;
    case 'labels':
      settings.labelSelector = readSelector(property);
      return;
    case 'namespace_labels':
      settings.namespaceSelector = readSelector(property);
      return;
    case 'noendpoints':
      checkCount(property, 0);
      settings.endpoints = false;
      return;
    case 'ignore':
      if (checkCount(property, 1)[0] !== 'empty_service')
        throw new CorefileError(property, `unable to parse ignore value: '${args[0]}'`);
      settings.ignoreEmptyServices = true;
      return;
    case 'startup_timeout':
      settings.startupMs = readDuration(property, checkCount(property, 1)[0]!);
      return;
    case 'kubeconfig': {
      const [path, context] = checkCount(property, 1, 2);
      settings.kubeconfig = { path: path!, ...(context !== undefined && { context }) };
      return;
    }
    case 'upstream':
    case 'resyncperiod':
      // Without effect in CoreDNS since 1.7; Corefiles of before have them.
      return;
    case 'endpoint':
    case 'tls':
    case 'multicluster':
    case 'apiserver_qps':
    case 'apiserver_burst':
    case 'apiserver_max_inflight':
      throw new CorefileError(property, `kubernetes: ${property.name} is not supported; name a kubeconfig file instead`);
    default:
      throw unknownProperty(property);
  }
}

function readSelector(property: Directive): string {
  const text = property.args.join(' ');
  try {
    parseLabelSelector(text);
  } catch (cause) {
    throw new CorefileError(property, `unable to parse label selector value: '${text}': ${(cause as Error).message}`, cause);
  }
  return text;
}

const isForward = (zone: string) => !zone.endsWith('in-addr.arpa.') && !zone.endsWith('ip6.arpa.');

interface Source {
  readonly settings: KubernetesSettings;
  /** Undefined before the start. */
  watch: ClusterWatch | undefined;
  answer: AnswerOptions | undefined;
}

function createPlugin(all: readonly KubernetesSettings[], context: PluginContext): Plugin {
  const sources: Source[] = all.map((settings) => ({ settings, watch: undefined, answer: undefined }));
  return {
    async start(signal) {
      await Promise.all(sources.map((source) => startSource(source, context, signal)));
    },
    ready: () => sources.every(({ watch }) => watch?.hasSynced ?? false),
    resolve: (next) => (query) => {
      const attempt = (from: number): Reply | Promise<Reply> => {
        for (let i = from; i < sources.length; i++) {
          const source = sources[i]!;
          const zone = zoneOf(query.name, source.settings.zones);
          if (zone === undefined) continue;
          const reply = answerOf(source, query, zone);
          if (reply instanceof Promise) return reply.then((one) => one ?? attempt(i + 1));
          if (reply !== undefined) return reply;
        }
        return next(query);
      };
      return attempt(0);
    },
  };
}

/** Undefined: the next may know. */
function answerOf(
  { settings, answer, watch }: Source,
  query: Query,
  zone: string,
): Reply | undefined | Promise<Reply | undefined> {
  if (!answer || !watch) return emptyReply(RCODE.SERVFAIL, 'kubernetes', UNSYNCED);
  const orDenied = (reply: Reply | undefined) => {
    if (reply) return reply;
    if (fallsThrough(query.name, settings.fallthrough)) return undefined;
    // What is not known yet may be there.
    return watch.hasSynced ? denial(RCODE.NXDOMAIN, zone, answer) : emptyReply(RCODE.SERVFAIL, 'kubernetes', UNSYNCED);
  };
  const reply = answerFromCluster(query, zone, answer);
  return reply instanceof Promise ? reply.then(orDenied) : orDenied(reply);
}

async function startSource(source: Source, context: PluginContext, signal: AbortSignal): Promise<void> {
  const { settings } = source;
  const { clock, logger, random, addresses, lookup } = context;
  const watch = watchCluster({
    client: await context.client(settings.kubeconfig),
    ...(settings.labelSelector !== undefined && { labelSelector: settings.labelSelector }),
    ...(settings.namespaceSelector !== undefined && { namespaceSelector: settings.namespaceSelector }),
    watchPods: settings.podMode === 'verified',
    watchEndpoints: settings.endpoints,
    startupMs: settings.startupMs,
    clock,
    logger,
    random,
  });
  source.watch = watch;
  source.answer = {
    data: watch,
    podMode: settings.podMode,
    endpointPodNames: settings.endpointPodNames,
    namespaces: settings.namespaces,
    ignoreEmptyServices: settings.ignoreEmptyServices,
    ttl: settings.ttl,
    primaryZone: settings.zones.find(isForward)!,
    addresses,
    lookup,
  };
  await watch.start(signal);
}
