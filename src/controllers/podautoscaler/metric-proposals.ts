/** What each metric of an autoscaler proposes, with what is said of it in status, conditions and events. */
import type {
  V1LabelSelector,
  V1Pod,
  V2HorizontalPodAutoscalerSpec,
  V2MetricSpec,
  V2MetricStatus,
  V2MetricTarget,
} from '../../api/gen/types.ts';
import { type Selector, selectEverything, selectorFromLabelSelector } from '../../api/machinery/label-selector.ts';
import { describeSelector } from '../../api/machinery/label-selector-text.ts';
import { formatQuantity, parseQuantity } from '../../api/machinery/quantity.ts';
import type { MetricsClient, ObjectPlace } from './metrics-client.ts';
import { milliOf, type ReadinessRules, type Tolerances } from './pod-metrics.ts';
import {
  type Proposal,
  replicasForAverage,
  replicasForShare,
  replicasForUtilization,
  replicasForValue,
} from './replica-calculator.ts';

/** A metric that proposes nothing. `shown` is what events and the condition say; the message is what the whole fails with. */
export class MetricError extends Error {
  readonly reason: string;
  readonly shown: string;

  constructor(reason: string, cause: Error, prefix = '') {
    super(`${prefix}${cause.message}`, { cause });
    this.reason = reason;
    this.shown = cause.message;
  }

  /** The same, its message with a few words before it. */
  within(prefix: string): MetricError {
    this.message = `${prefix}${this.message}`;
    return this;
  }
}

export interface ScaleSituation {
  readonly namespace: string;
  readonly selector: Selector;
  readonly pods: readonly V1Pod[];
  /** What the target is told to have, and has. */
  readonly specReplicas: number;
  readonly statusReplicas: number;
  readonly rules: ReadinessRules;
  readonly tolerances: Tolerances;
}

export interface MetricProposal {
  readonly replicas: number;
  readonly name: string;
  readonly status: V2MetricStatus;
}

export interface ProposalDeps {
  readonly metrics: MetricsClient;
  placeOf(reference: ObjectPlace['reference'], signal: AbortSignal): Promise<ObjectPlace>;
  readonly signal: AbortSignal;
}

/** The tolerances of a spec, where it says any. */
export function tolerancesOf({ behavior }: V2HorizontalPodAutoscalerSpec, otherwise: number): Tolerances {
  const share = (text: string | undefined) => (text === undefined ? otherwise : Number(parseQuantity(text).nano) / 1e9);
  return { up: share(behavior?.scaleUp?.tolerance), down: share(behavior?.scaleDown?.tolerance) };
}

/** Rejects with a MetricError, whose message says which metric it was. */
export function proposeFor(spec: V2MetricSpec, situation: ScaleSituation, deps: ProposalDeps): Promise<MetricProposal> {
  const told = nameInFailure(spec);
  if (!told) return propose(spec, situation, deps);
  return propose(spec, situation, deps).catch((error: unknown) => {
    throw error instanceof MetricError ? error.within(`failed to get ${told} metric value: `) : error;
  });
}

function nameInFailure({ type, resource, containerResource, external }: V2MetricSpec): string | undefined {
  if (type === 'Resource' && resource) return `${resource.name} resource`;
  if (type === 'ContainerResource' && containerResource) return `${containerResource.container} container`;
  if (type === 'External' && external) return `${external.metric.name} external`;
  return type === 'Pods' || type === 'Object' ? type.toLowerCase() : undefined;
}

function propose(spec: V2MetricSpec, situation: ScaleSituation, deps: ProposalDeps): Promise<MetricProposal> {
  const { resource, containerResource, pods, object, external } = spec;
  if (spec.type === 'Resource' && resource)
    return fromResource('Resource', { ...resource, container: '' }, situation, deps, (current) => ({
      type: 'Resource',
      resource: { name: resource.name, current },
    }));
  if (spec.type === 'ContainerResource' && containerResource)
    return fromResource('ContainerResource', containerResource, situation, deps, (current) => ({
      type: 'ContainerResource',
      containerResource: { name: containerResource.name, container: containerResource.container, current },
    }));
  if (spec.type === 'Pods' && pods) return fromPods(pods, situation, deps);
  if (spec.type === 'Object' && object) return fromObject(object, situation, deps);
  if (spec.type === 'External' && external) return fromExternal(external, situation, deps);
  const message = `unknown metric source type "${spec.type}"`;
  return Promise.reject(new MetricError('InvalidMetricSourceType', new Error(message)));
}

async function fromResource(
  type: 'Resource' | 'ContainerResource',
  { name: resource, container, target }: { readonly name: string; readonly container: string; readonly target: V2MetricTarget },
  situation: ScaleSituation,
  { metrics, signal }: ProposalDeps,
  statusOf: (current: NonNullable<V2MetricStatus['resource']>['current']) => V2MetricStatus,
): Promise<MetricProposal> {
  const { namespace, selector, pods, specReplicas, rules, tolerances } = situation;
  const all = { ...rules, tolerances };
  const word = target.averageValue === undefined ? 'utilization' : 'usage';
  const read = async () => {
    try {
      return await metrics.ofResource(resource, container, namespace, selector, signal);
    } catch (error) {
      throw new Error(`unable to get metrics for resource ${resource}: ${(error as Error).message}`, { cause: error });
    }
  };
  try {
    if (target.averageValue !== undefined) {
      const average = { resource, target: milliOf(target.averageValue) };
      const { replicas, value } = replicasForAverage(specReplicas, average, await read(), pods, all);
      return { replicas, name: `${resource} resource`, status: statusOf({ averageValue: milliText(value) }) };
    }
    if (target.averageUtilization === undefined)
      throw new Error(
        'invalid resource metric source: neither an average utilization target nor an average value (usage) target was set',
      );
    const wanted = { resource, container, utilization: target.averageUtilization };
    const { replicas, value, utilization } = replicasForUtilization(specReplicas, wanted, await read(), pods, all);
    return {
      replicas,
      name: `${resource} resource utilization (percentage of request)`,
      status: statusOf({ averageUtilization: utilization, averageValue: milliText(value) }),
    };
  } catch (error) {
    const { message } = error as Error;
    throw new MetricError(
      `FailedGet${type}Metric`,
      message.startsWith('invalid')
        ? (error as Error)
        : new Error(`failed to get ${resource} ${word}: ${message}`, { cause: error }),
    );
  }
}

async function fromPods(
  { metric, target }: NonNullable<V2MetricSpec['pods']>,
  { namespace, selector, pods, specReplicas, rules, tolerances }: ScaleSituation,
  { metrics, signal }: ProposalDeps,
): Promise<MetricProposal> {
  try {
    const found = await metrics
      .ofPods(metric.name, namespace, selector, selectorOf(metric.selector), signal)
      .catch(unableTo(metric.name));
    const wanted = { resource: '', target: milliOf(target.averageValue ?? '0') };
    const { replicas, value } = replicasForAverage(specReplicas, wanted, found, pods, { ...rules, tolerances });
    return {
      replicas,
      name: `pods metric ${metric.name}`,
      status: { type: 'Pods', pods: { metric: identifier(metric), current: { averageValue: milliText(value) } } },
    };
  } catch (error) {
    throw new MetricError('FailedGetPodsMetric', error as Error);
  }
}

async function fromObject(
  { metric, target, describedObject }: NonNullable<V2MetricSpec['object']>,
  situation: ScaleSituation,
  { metrics, placeOf, signal }: ProposalDeps,
): Promise<MetricProposal> {
  const { namespace, specReplicas, statusReplicas, pods, tolerances } = situation;
  const isShare = target.type === 'AverageValue';
  try {
    const read = async () => {
      const place = await placeOf(describedObject, signal);
      return metrics.ofObject(metric.name, namespace, place, selectorOf(metric.selector), signal);
    };
    const value = await read().catch((error: Error) => {
      // Upstream's message has its words in this order.
      const { kind, name } = describedObject;
      throw new Error(`unable to get metric ${metric.name}: ${kind} on ${namespace} ${name}/${error.message}`, { cause: error });
    });
    const proposal = isShare
      ? replicasForShare(statusReplicas, value, milliOf(target.averageValue ?? '0'), tolerances)
      : replicasForValue(specReplicas, value, milliOf(target.value ?? '0'), pods, tolerances);
    const name = isShare ? externalName(metric) : `${describedObject.kind} metric ${metric.name}`;
    const current = currentOf(proposal, isShare);
    return {
      replicas: proposal.replicas,
      name,
      status: { type: 'Object', object: { describedObject, metric: identifier(metric), current } },
    };
  } catch (error) {
    throw new MetricError('FailedGetObjectMetric', error as Error, isShare ? `failed to get ${metric.name} object metric: ` : '');
  }
}

async function fromExternal(
  { metric, target }: NonNullable<V2MetricSpec['external']>,
  { namespace, specReplicas, statusReplicas, pods, tolerances }: ScaleSituation,
  { metrics, signal }: ProposalDeps,
): Promise<MetricProposal> {
  const isShare = target.averageValue !== undefined;
  try {
    if (!isShare && target.value === undefined)
      throw new Error('invalid external metric source: neither a value target nor an average value target was set');
    const value = await metrics.ofExternal(metric.name, namespace, selectorOf(metric.selector), signal).catch((error: Error) => {
      const which = `${namespace}/${metric.name}/${describeSelector(metric.selector)}`;
      throw new Error(`unable to get external metric ${which}: ${error.message}`, { cause: error });
    });
    const proposal = isShare
      ? replicasForShare(statusReplicas, value, milliOf(target.averageValue ?? '0'), tolerances)
      : replicasForValue(specReplicas, value, milliOf(target.value ?? '0'), pods, tolerances);
    const current = currentOf(proposal, isShare);
    return {
      replicas: proposal.replicas,
      name: externalName(metric),
      status: { type: 'External', external: { metric: identifier(metric), current } },
    };
  } catch (error) {
    const prefix = isShare ? `failed to get ${metric.name} external metric: ` : `failed to get external metric ${metric.name}: `;
    throw new MetricError(
      'FailedGetExternalMetric',
      error as Error,
      (error as Error).message.startsWith('invalid') ? '' : prefix,
    );
  }
}

type Identifier = NonNullable<V2MetricSpec['pods']>['metric'];

const identifier = ({ name, selector }: Identifier): Identifier => ({ name, ...(selector && { selector }) });
const milliText = (milli: number): string => formatQuantity({ nano: BigInt(milli) * 1_000_000n, format: 'decimal' });
const currentOf = ({ value }: Proposal, isShare: boolean) =>
  isShare ? { averageValue: milliText(value) } : { value: milliText(value) };
const selectorOf = (selector: V1LabelSelector | undefined): Selector =>
  selector ? selectorFromLabelSelector(selector as Parameters<typeof selectorFromLabelSelector>[0]) : selectEverything;
const externalName = ({ name, selector }: Identifier) => `external metric ${name}(${describeSelector(selector)})`;

const unableTo =
  (metric: string) =>
  (error: Error): never => {
    throw new Error(`unable to get metric ${metric}: ${error.message}`, { cause: error });
  };
