import { apiServiceKind } from '../../api/apiregistration/v1/api-service.ts';
import type { V1APIService } from '../../api/gen/types.ts';
import type { Handler } from '../contracts.ts';
import type { Aggregation, AggregationConfig, AggregationDeps } from './aggregation.ts';

/** Nearly no cluster has extension servers: what speaks with them is loaded with the first APIService that names one. */
export function createLazyAggregation(config: AggregationConfig, deps: AggregationDeps): Aggregation {
  const { reader, logger } = deps;
  let loading: Promise<Aggregation | undefined> | undefined;
  let loaded: Aggregation | undefined;
  let closed = false;
  const load = async (): Promise<Aggregation> => {
    const { startAggregation } = await import('./aggregation.ts');
    loaded = startAggregation(config, deps);
    if (closed) await loaded.close();
    return loaded;
  };
  const look = (service: V1APIService) => {
    if (!service.spec?.service || loading || closed) return;
    leave();
    loading = load().catch((error) => {
      logger.error('cannot start aggregation', { error });
      return undefined; // what is served here goes on
    });
  };
  const leave = reader.subscribe(apiServiceKind, ({ object }) => {
    if (object) look(object as V1APIService);
  });
  for (const service of reader.list(apiServiceKind)) look(service as V1APIService);
  return {
    wantsUpgrade: (path) => loaded?.wantsUpgrade(path) ?? false,
    around(next) {
      let around: Handler | undefined;
      return async (context, response) => {
        if (!loading) return next(context, response);
        const aggregation = loaded ?? (await loading);
        around ??= aggregation ? aggregation.around(next) : next;
        return around(context, response);
      };
    },
    async close() {
      closed = true;
      leave();
      await loading?.then((aggregation) => aggregation?.close());
    },
  };
}
