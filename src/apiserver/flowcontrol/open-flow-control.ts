import { flowSchemaKind } from '../../api/flowcontrol/v1/flow-schema.ts';
import { priorityLevelConfigurationKind } from '../../api/flowcontrol/v1/priority-level-configuration.ts';
import type { V1FlowSchema, V1PriorityLevelConfiguration } from '../../api/gen/types.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import { type DynamicObject, formatTime } from '../../api/machinery/object.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import type { Clock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import type { Metric } from '../../std/metric.ts';
import type { Filter, Handler, ObjectReader, ObjectWriter, RequestInfo } from '../contracts.ts';
import type { InFlightCounts } from '../filters/max-in-flight.ts';
import { DoneCheck, type HealthCheck } from '../health/health-checks.ts';
import type { KindRegistry } from '../kinds/kind-registry.ts';
import { defaultObjects, FlowControl } from './flow-control.ts';
import { flowControlDumps } from './flow-control-dumps.ts';
import { createFlowControlFilter } from './flow-control-filter.ts';
import { createFlowControlMetrics, createWaitMetric, ExecutionMetrics } from './flow-control-metrics.ts';
import type { StoredStats } from './request-width.ts';

export interface FlowControlDeps {
  readonly kinds: KindRegistry;
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly counts: InFlightCounts;
  readonly stored: (info: RequestInfo) => StoredStats | undefined;
}

export interface OpenFlowControl {
  readonly filter: Filter;
  readonly metrics: Metric;
  readonly readyCheck: HealthCheck;
  /** `/debug/api_priority_and_fairness/…`. */
  readonly paths: ReadonlyMap<string, Handler>;
  /** Makes the objects that are missing, and follows them from then on. */
  start(): Promise<void>;
  close(): void;
}

const DANGLING = 'Dangling';

/** Priority and fairness as the cluster's FlowSchemas and PriorityLevelConfigurations want it; the defaults where those kinds are not served. */
export function openFlowControl(
  options: { totalSeats: number; requestTimeoutMs: number },
  deps: FlowControlDeps,
): OpenFlowControl {
  const { kinds, reader, writer, clock, logger, counts, stored } = deps;
  // A request that waits for long has no time left to run.
  const control = new FlowControl({ clock, totalSeats: options.totalSeats, waitLimitMs: options.requestTimeoutMs / 4 });
  const ready = new DoneCheck('poststarthook/priority-and-fairness-config-producer');
  const served = [flowSchemaKind, priorityLevelConfigurationKind].every(({ group, kind }) => kinds.byKind(group, 'v1', kind));
  const leave: (() => void)[] = [];
  let pending = false;
  let closed = false;

  const schemas = () => reader.list(flowSchemaKind) as readonly unknown[] as readonly V1FlowSchema[];
  const levels = () =>
    reader.list(priorityLevelConfigurationKind) as readonly unknown[] as readonly V1PriorityLevelConfiguration[];
  const follow = () => {
    if (pending || closed) return;
    pending = true;
    setImmediate(() => {
      pending = false;
      if (closed) return;
      control.configure({ schemas: schemas(), levels: levels() });
      void markDangling().catch((error) => logger.error('cannot write the status of FlowSchemas', { error }));
    });
  };
  const markDangling = () => Promise.all(schemas().map(markOne));
  const markOne = async (schema: V1FlowSchema) => {
    const level = schema.spec?.priorityLevelConfiguration.name ?? '';
    const wanted = danglingCondition(level, control.level(level) !== undefined);
    const now = schema.status?.conditions?.find(({ type }) => type === DANGLING);
    if (closed || (now?.status === wanted.status && now.message === wanted.message)) return;
    const lastTransitionTime = formatTime(clock.now());
    await tolerate(
      writer.modify(
        flowSchemaKind,
        '',
        schema.metadata?.name ?? '',
        (object) => {
          const { status } = object as V1FlowSchema;
          const others = (status?.conditions ?? []).filter(({ type }) => type !== DANGLING);
          return Object.assign(object, { status: { conditions: [...others, { ...wanted, lastTransitionTime }] } });
        },
        'status',
      ),
      'NotFound',
    );
  };
  const ensure = (kind: KindDefinition, object: object) => {
    const { metadata } = object as DynamicObject;
    if (reader.get(kind, '', metadata.name ?? '')) return Promise.resolve();
    const annotations = { 'apf.kubernetes.io/autoupdate-spec': 'true' };
    return tolerate(
      writer.create(kind, { ...(object as DynamicObject), metadata: { ...metadata, annotations } }),
      'AlreadyExists',
    );
  };
  const waits = createWaitMetric();
  const executions = new ExecutionMetrics();
  return {
    filter: createFlowControlFilter({ control, counts, waits, executions, stored, clock }),
    metrics: createFlowControlMetrics(control, waits, executions),
    readyCheck: ready,
    paths: flowControlDumps(control),
    async start() {
      if (served) {
        const defaults = defaultObjects();
        await Promise.all([
          ...defaults.levels.map((level) => ensure(priorityLevelConfigurationKind, level)),
          ...defaults.schemas.map((schema) => ensure(flowSchemaKind, schema)),
        ]);
        control.configure({ schemas: schemas(), levels: levels() });
        await markDangling();
        leave.push(reader.subscribe(flowSchemaKind, follow), reader.subscribe(priorityLevelConfigurationKind, follow));
      }
      ready.done();
    },
    close() {
      closed = true;
      for (const end of leave) end();
    },
  };
}

/** Another writer was faster, or the object is gone: both are as well. */
async function tolerate(write: Promise<unknown>, reason: 'AlreadyExists' | 'NotFound'): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!isStatus(error, reason)) throw error;
  }
}

function danglingCondition(level: string, found: boolean) {
  const about = `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(level)}`;
  return found
    ? { type: DANGLING, status: 'False', reason: 'Found', message: `${about} and it exists` }
    : { type: DANGLING, status: 'True', reason: 'NotFound', message: `${about} but there is no such object` };
}
