import { AVAILABLE, apiServiceKind, localCondition } from '../../api/apiregistration/v1/api-service.ts';
import type { V1APIService } from '../../api/gen/types.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import type { AggregationDeps } from './aggregation.ts';
import { WriteAgain } from './write-again.ts';

/**
 * Keeps saying of what is served here that it is available, also when an extension server was named meanwhile, or somebody wrote something
 * else (kube-aggregator/pkg/controllers/status/local).
 */
export function keepLocalAvailable({
  reader,
  writer,
  clock,
  logger,
}: Pick<AggregationDeps, 'reader' | 'writer' | 'clock' | 'logger'>): { close(): void } {
  let closed = false;
  const again = new WriteAgain(clock);
  const tell = async (name: string) => {
    try {
      await writer.modify(
        apiServiceKind,
        '',
        name,
        (existing) => {
          const service = existing as V1APIService;
          if (closed || !isUntold(service)) return undefined;
          const others = (service.status?.conditions ?? []).filter(({ type }) => type !== AVAILABLE);
          return Object.assign(existing, { status: { ...service.status, conditions: [...others, localCondition(clock.now())] } });
        },
        'status',
      );
    } catch (error) {
      if (isStatus(error, 'NotFound')) return;
      logger.error('cannot say that an APIService is available', { name, error });
      again.later(name, () => void tell(name));
    }
  };
  const look = (service: V1APIService) => {
    if (isUntold(service)) void tell(service.metadata?.name ?? '');
  };
  const leave = reader.subscribe(apiServiceKind, ({ object }) => {
    if (object) look(object as V1APIService);
  });
  for (const service of reader.list(apiServiceKind)) look(service as V1APIService);
  return {
    close() {
      closed = true;
      again.close();
      leave();
    },
  };
}

function isUntold({ spec, status }: V1APIService): boolean {
  if (!spec || spec.service) return false;
  const available = status?.conditions?.find(({ type }) => type === AVAILABLE);
  return available?.status !== 'True' || available.reason !== 'Local';
}
