/** The objects that always are as they are here (apiserver/pkg/apis/flowcontrol/bootstrap). */
import type { V1FlowSchemaSpec, V1PriorityLevelConfigurationSpec } from '../../gen/types.ts';
import { AUTHENTICATED, everythingOf, groups, schema, UNAUTHENTICATED } from './notation.ts';

export const mandatoryPriorityLevels: Readonly<Record<string, V1PriorityLevelConfigurationSpec>> = {
  exempt: { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } },
  'catch-all': {
    type: 'Limited',
    limited: { nominalConcurrencyShares: 5, lendablePercent: 0, limitResponse: { type: 'Reject' } },
  },
};

export const mandatoryFlowSchemas: Readonly<Record<string, V1FlowSchemaSpec>> = {
  exempt: schema('exempt', 1, undefined, everythingOf(groups('system:masters'))),
  'catch-all': schema('catch-all', 10_000, 'ByUser', everythingOf(groups(UNAUTHENTICATED, AUTHENTICATED))),
};
