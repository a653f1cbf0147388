import { flowSchemaKind } from '../../api/flowcontrol/v1/flow-schema.ts';
import { priorityLevelConfigurationKind } from '../../api/flowcontrol/v1/priority-level-configuration.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import { serviceCidrKind } from '../../api/networking/v1/service-cidr.ts';
import type { Clock, Timer } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import type { ObjectReader, ObjectWriter } from '../contracts.ts';

export interface KeptObjectsDeps {
  readonly kinds: readonly KindDefinition[];
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
  readonly clock: Clock;
  readonly logger: Logger;
  /** As configured: one CIDR, or two with a comma. */
  readonly serviceClusterIpRange: string;
}

/** Nothing waits for these objects, so that they come after what is waited for at a start. */
const AFTER_START_MS = 500;
/** Changes come together. */
const AFTER_CHANGE_MS = 100;
const AFTER_FAILURE_MS = 60_000;

/**
 * Keeps objects that are there in every cluster as they are to be: the configuration of API Priority and Fairness (which `../flowcontrol`
 * makes at first, and follows) and the description of the Services' addresses. They are looked at when one of them changes; what keeps
 * them is loaded a little after the start.
 */
export function keepObjects(deps: KeptObjectsDeps): { stop(): void } {
  const { kinds, reader, clock, logger } = deps;
  const kept = [flowSchemaKind, priorityLevelConfigurationKind, serviceCidrKind].filter((kind) => kinds.includes(kind));
  let timer: Timer | undefined;
  let stopped = kept.length === 0;
  const lookIn = (delayMs: number) => {
    if (stopped) return;
    timer?.cancel();
    timer = clock.setTimer(delayMs, () => void look());
  };
  const look = async () => {
    try {
      const [{ ensureFlowControl }, { ensureServiceCidr }, { ensureLegacyTokenTracking }] = await Promise.all([
        import('./flow-control.ts'),
        import('./service-cidr.ts'),
        import('./legacy-token-tracking.ts'),
      ]);
      await ensureFlowControl(deps, () => stopped);
      if (!stopped) await ensureServiceCidr(deps);
      if (!stopped) await ensureLegacyTokenTracking(deps);
    } catch (error) {
      if (stopped) return;
      logger.warn('Objects of every cluster could not be kept as they are to be', { error });
      lookIn(AFTER_FAILURE_MS);
    }
  };
  const leave = kept.map((kind) => reader.subscribe(kind, () => lookIn(AFTER_CHANGE_MS)));
  lookIn(AFTER_START_MS);
  return {
    stop() {
      stopped = true;
      timer?.cancel();
      for (const end of leave) end();
    },
  };
}
