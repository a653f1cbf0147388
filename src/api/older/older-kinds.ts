import type { KindDefinition } from '../machinery/kind.ts';
import { betaKinds } from './beta-kinds.ts';
import { olderAutoscaling } from './older-autoscaling.ts';
import { olderDefinitions } from './older-definitions.ts';
import { olderNetworking } from './older-networking.ts';
import { olderOthers } from './older-others.ts';
import { olderPolicies } from './older-policies.ts';
import { olderReviews } from './older-reviews.ts';
import { olderWebhooks } from './older-webhooks.ts';
import { olderWorkloads } from './older-workloads.ts';

/**
 * Kinds that are served when `--runtime-config` says so and not otherwise: versions that manifests of 2018 and 2019 are written in, which
 * upstream has removed since, and those of the release that are not on by default. Heavy to load: import it when it is asked for.
 */
export const olderKinds: readonly KindDefinition[] = [
  ...olderWorkloads,
  ...olderNetworking,
  ...olderPolicies,
  ...olderAutoscaling,
  ...olderOthers,
  ...olderReviews,
  ...olderWebhooks,
  ...olderDefinitions,
  ...betaKinds,
];
