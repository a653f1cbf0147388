import { customResourceDefinitionKind as definitionKind } from '../../api/apiextensions/v1/custom-resource-definition.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { ActionHandler } from '../contracts.ts';
import type { Egress } from '../egress/egress.ts';
import type { ConversionMetrics } from '../metrics/conversion-metrics.ts';
import type { CustomResources, CustomResourcesConfig } from './custom-resources.ts';

export interface CustomResourcesDeps extends Omit<CustomResourcesConfig, 'conversionOf'> {
  readonly egress?: Egress;
  readonly conversionMetrics?: ConversionMetrics;
}

export interface OpenCustomResources {
  /** Resolves when everything that is defined is served. */
  start(): Promise<void>;
  /** What answers for a subresource of a custom resource. */
  action(kind: KindDefinition, subresource: string): ActionHandler | undefined;
  stop(): void;
}

/** Serves custom resources. What that needs is loaded with the first definition. */
export function openCustomResources(deps: CustomResourcesDeps): OpenCustomResources {
  let opened: CustomResources | undefined;
  let opening: Promise<void> | undefined;
  let unsubscribe: (() => void) | undefined;
  let stopped = false;
  const open = async () => {
    const [{ CustomResources }, { createWebhookConversion }, { WebhookConnections }, { createServiceAddress }] =
      await Promise.all([
        import('./custom-resources.ts'),
        import('./webhook-conversion.ts'),
        import('../admission/webhooks/webhook-connections.ts'),
        import('../admission/webhooks/service-address.ts'),
      ]);
    if (stopped) return;
    const connections = new WebhookConnections(createServiceAddress(deps.reader, deps.random), undefined, deps.egress);
    const conversionOf: CustomResourcesConfig['conversionOf'] = (definition) =>
      createWebhookConversion(definition, (question) => connections.ask(question), deps.conversionMetrics);
    opened = new CustomResources({ ...deps, conversionOf });
    await opened.start();
  };
  const openOnce = () => {
    opening ??= open();
    return opening;
  };
  return {
    async start() {
      if (!deps.kinds.byResource(definitionKind.group, definitionKind.version, definitionKind.resource)) return;
      if (deps.cache.kind(definitionKind).objects.size) return openOnce();
      unsubscribe = deps.reader.subscribe(definitionKind, () => {
        unsubscribe?.();
        openOnce().catch((error: unknown) => deps.logger.error('cannot serve custom resources', { error }));
      });
    },
    action: (kind, subresource) => opened?.action(kind, subresource),
    stop() {
      stopped = true;
      unsubscribe?.();
      opened?.stop();
    },
  };
}
