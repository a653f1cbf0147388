/** Defaults of workloads (pkg/apis/apps/v1/defaults.go). All functions change their argument. */
import { setPodTemplateDefaults } from '../../core/v1/pod-defaults.ts';
import { setPersistentVolumeClaimSpecDefaults } from '../../core/v1/storage-defaults.ts';
import type { V1DaemonSetSpec, V1DeploymentSpec, V1ReplicaSetSpec, V1StatefulSetSpec } from '../../gen/types.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { specOf } from '../../machinery/spec-of.ts';
import { setTemplateGeneration, TEMPLATE_GENERATION } from './template-generation.ts';

export function setDeploymentDefaults(object: DynamicObject): void {
  const spec = specOf<V1DeploymentSpec>(object);
  spec.template ??= {};
  setPodTemplateDefaults(spec.template);
  spec.replicas ??= 1;
  spec.strategy ??= {};
  spec.strategy.type ||= 'RollingUpdate';
  if (spec.strategy.type === 'RollingUpdate') {
    spec.strategy.rollingUpdate ??= {};
    spec.strategy.rollingUpdate.maxUnavailable ??= '25%';
    spec.strategy.rollingUpdate.maxSurge ??= '25%';
  }
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
}

export function setReplicaSetDefaults(object: DynamicObject): void {
  const spec = specOf<V1ReplicaSetSpec>(object);
  spec.template ??= {};
  setPodTemplateDefaults(spec.template);
  spec.replicas ??= 1;
}

export function setDaemonSetDefaults(object: DynamicObject): void {
  const { metadata } = object;
  const spec = specOf<V1DaemonSetSpec>(object);
  spec.template ??= {};
  setPodTemplateDefaults(spec.template);
  spec.updateStrategy ??= {};
  spec.updateStrategy.type ||= 'RollingUpdate';
  if (spec.updateStrategy.type === 'RollingUpdate') {
    spec.updateStrategy.rollingUpdate ??= {};
    spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1;
    spec.updateStrategy.rollingUpdate.maxSurge ??= 0;
  }
  spec.revisionHistoryLimit ??= 10;
  if (metadata?.annotations?.[TEMPLATE_GENERATION] === undefined) setTemplateGeneration(object, 0);
}

export function setStatefulSetDefaults(object: DynamicObject): void {
  const spec = specOf<V1StatefulSetSpec>(object);
  spec.template ??= {};
  setPodTemplateDefaults(spec.template);
  spec.podManagementPolicy ||= 'OrderedReady';
  spec.updateStrategy ??= {};
  if (!spec.updateStrategy.type) {
    spec.updateStrategy.type = 'RollingUpdate';
    spec.updateStrategy.rollingUpdate ??= {};
  }
  if (spec.updateStrategy.type === 'RollingUpdate' && spec.updateStrategy.rollingUpdate)
    spec.updateStrategy.rollingUpdate.partition ??= 0;
  spec.persistentVolumeClaimRetentionPolicy ??= {};
  spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= 'Retain';
  spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= 'Retain';
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  for (const claim of spec.volumeClaimTemplates ?? []) {
    claim.metadata ??= {};
    claim.spec ??= {};
    setPersistentVolumeClaimSpecDefaults(claim.spec);
    // Whatever was given: it is forgotten and written anew.
    claim.apiVersion = 'v1';
    claim.kind = 'PersistentVolumeClaim';
    claim.status ??= {};
    claim.status.phase ||= 'Pending';
  }
}
