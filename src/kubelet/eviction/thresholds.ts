import { formatQuantity, parseQuantity, quantityValue } from '../../api/machinery/quantity.ts';
import { CodedError } from '../../std/coded-error.ts';
import { parseGoDuration } from '../../std/go-duration.ts';
import { isSignal, type Observation, type Signal, type StarvedResource } from './signals.ts';

/** An amount, or a part of what there is. */
export type ThresholdValue = { readonly amount: number } | { readonly fraction: number };

export interface Threshold {
  readonly signal: Signal;
  readonly value: ThresholdValue;
  /** 0: a hard one. */
  readonly gracePeriodMs: number;
  /** How much more than the threshold must be free again. */
  readonly minimumReclaim?: ThresholdValue;
}

type Statements = Readonly<Record<string, string>> | undefined;

export interface ThresholdSettings {
  readonly evictionHard?: Statements;
  readonly evictionSoft?: Statements;
  readonly evictionSoftGracePeriod?: Statements;
  readonly evictionMinimumReclaim?: Statements;
  readonly enforceNodeAllocatable?: readonly string[];
}

/**
 * The thresholds that a configuration asks for; 0 and 100 % switch one off, as upstream. Where pods are held to allocatable, their
 * common cgroup has the node's hard memory threshold too.
 *
 * @throws CodedError EVICTION_INVALID naming the signal and what is wrong with it
 */
export function parseThresholds(settings: ThresholdSettings): Threshold[] {
  const graces = settings.evictionSoftGracePeriod ?? {};
  const reclaims = parseReclaims(settings.evictionMinimumReclaim);
  const withReclaim = (threshold: Threshold): Threshold => {
    const minimumReclaim = reclaims.get(threshold.signal);
    return minimumReclaim ? { ...threshold, minimumReclaim } : threshold;
  };
  const hard = parseStatements(settings.evictionHard, 'evictionHard').map(([signal, value]) => ({
    signal,
    value,
    gracePeriodMs: 0,
  }));
  const soft = parseStatements(settings.evictionSoft, 'evictionSoft').map(([signal, value]) => {
    const text = Object.hasOwn(graces, signal) ? graces[signal] : undefined;
    if (text === undefined) throw invalid(`grace period must be specified for the soft eviction threshold ${signal}`);
    return { signal, value, gracePeriodMs: durationOf(text, signal) };
  });
  const all = [...hard, ...soft].map(withReclaim);
  if (!settings.enforceNodeAllocatable?.includes('pods')) return all;
  const memory = all.filter(({ signal, gracePeriodMs }) => signal === 'memory.available' && gracePeriodMs === 0);
  return [...all, ...memory.map((threshold): Threshold => ({ ...threshold, signal: 'allocatableMemory.available' }))];
}

/** On a node whose runtime keeps layers on a disk of its own or the images', that disk has its thresholds. */
export function withContainerFs(
  thresholds: readonly Threshold[],
  disks: { readonly dedicatedImageFs: boolean; readonly splitContainerFs: boolean },
): Threshold[] {
  const from = disks.dedicatedImageFs && !disks.splitContainerFs ? 'imagefs' : 'nodefs';
  const own = thresholds.filter(({ signal }) => !signal.startsWith('containerfs.'));
  const copies = own.flatMap((threshold): Threshold[] =>
    threshold.signal === `${from}.available`
      ? [{ ...threshold, signal: 'containerfs.available' }]
      : threshold.signal === `${from}.inodesFree`
        ? [{ ...threshold, signal: 'containerfs.inodesFree' }]
        : [],
  );
  return [...own, ...copies];
}

/** How much must be available, of what there is. */
export function amountOf(value: ThresholdValue, capacity: number): number {
  return 'amount' in value ? value.amount : Math.floor(capacity * value.fraction);
}

/** With `reclaiming`, so much more must be free as the minimum reclaim says. */
export function isMet(threshold: Threshold, observed: Observation, reclaiming = false): boolean {
  const more = reclaiming && threshold.minimumReclaim ? amountOf(threshold.minimumReclaim, observed.capacity) : 0;
  return amountOf(threshold.value, observed.capacity) + more > observed.available;
}

/** Bytes in binary steps, things in decimal ones. */
export function formatAmount(amount: number, resource: StarvedResource): string {
  const { nano } = parseQuantity(String(Math.trunc(amount)));
  return formatQuantity({ nano, format: resource === 'memory' || resource === 'ephemeral-storage' ? 'binary' : 'decimal' });
}

/** What tells thresholds apart. */
export function thresholdKey({ signal, value, gracePeriodMs }: Threshold): string {
  return JSON.stringify([signal, value, gracePeriodMs]);
}

function parseStatements(statements: Statements, field: string): [Signal, ThresholdValue][] {
  return Object.entries(statements ?? {}).flatMap(([signal, text]): [Signal, ThresholdValue][] => {
    if (!isSignal(signal)) throw invalid(`unsupported eviction signal ${signal} in ${field}`);
    // Upstream's way to say "not this one".
    if (text === '0%' || text === '100%') return [];
    const value = parseValue(text, signal, 'eviction threshold');
    if ('fraction' in value && (value.fraction <= 0 || value.fraction >= 1))
      throw invalid(`eviction percentage threshold ${signal} must be > 0% and < 100%: ${text}`);
    if ('amount' in value && value.amount === 0) return [];
    return [[signal, value]];
  });
}

function parseReclaims(statements: Statements): Map<Signal, ThresholdValue> {
  return new Map(
    Object.entries(statements ?? {}).map(([signal, text]): [Signal, ThresholdValue] => {
      if (!isSignal(signal)) throw invalid(`unsupported eviction signal ${signal} in evictionMinimumReclaim`);
      return [signal, parseValue(text, signal, 'eviction minimum reclaim')];
    }),
  );
}

function parseValue(text: string, signal: Signal, what: string): ThresholdValue {
  if (text.endsWith('%')) {
    if (!/^[+-]?\d+(\.\d+)?%$/.test(text)) throw invalid(`${what} ${signal} is no percentage: ${JSON.stringify(text)}`);
    const percent = Number(text.slice(0, -1));
    if (percent < 0) throw invalid(`${what} percentage of ${signal} must be positive: ${text}`);
    return { fraction: percent / 100 };
  }
  let value: bigint;
  try {
    value = quantityValue(parseQuantity(text));
  } catch (cause) {
    throw invalid(`${what} ${signal} is no quantity: ${JSON.stringify(text)}: ${(cause as Error).message}`);
  }
  if (value < 0n) throw invalid(`${what} ${signal} must be positive: ${text}`);
  return { amount: Number(value) };
}

function durationOf(text: string, signal: string): number {
  let ms: number;
  try {
    ms = parseGoDuration(text);
  } catch (cause) {
    throw invalid(`eviction grace period of ${signal}: ${(cause as Error).message}`);
  }
  if (ms < 0) throw invalid(`invalid eviction grace period specified: ${signal}=${text}, must be a positive value`);
  return ms;
}

const invalid = (message: string) => new CodedError(message, { code: 'EVICTION_INVALID' });
