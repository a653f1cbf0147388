import { namespaceKind } from '../../../api/core/v1/namespace.ts';
import { podKind } from '../../../api/core/v1/pod.ts';
import type { V1Pod } from '../../../api/gen/types.ts';
import { formatGroupResource, internalError, invalid } from '../../../api/machinery/status-error.ts';
import { nextTurn } from '../../../std/next-turn.ts';
import type { AdmissionAttributes, AdmissionPlugin, ObjectReader } from '../../contracts.ts';
import { refuse } from '../refusal.ts';
import { describeDetails, evaluatePod } from './evaluate.ts';
import { warningsAboutPods } from './existing-pods.ts';
import { formatLevel, isLabelled, isStricter, MODES, type Policy, PRIVILEGED_POLICY, policyOf, sameLevel } from './level.ts';
import { hasPodTemplate, podTemplateOf } from './pod-template.ts';
import { isSignificantUpdate } from './significant-update.ts';
import type { CheckedPod } from './violation.ts';

/** pod-security.admission.config.k8s.io/v1 PodSecurityConfiguration, read. */
export interface PodSecurityConfiguration {
  readonly defaults: Policy;
  readonly exemptions: {
    readonly usernames: readonly string[];
    readonly runtimeClasses: readonly string[];
    readonly namespaces: readonly string[];
  };
}

export const DEFAULT_CONFIGURATION: PodSecurityConfiguration = {
  defaults: PRIVILEGED_POLICY,
  exemptions: { usernames: [], runtimeClasses: [], namespaces: [] },
};

const AUDIT = 'pod-security.kubernetes.io/';
/** These do not change what a pod is. */
const IGNORED = new Set(['exec', 'attach', 'binding', 'eviction', 'log', 'portforward', 'proxy', 'status']);

/** Holds pods to the security level of their namespace (https://kubernetes.io/docs/concepts/security/pod-security-admission/). */
export function createPodSecurity(reader: ObjectReader, configuration: PodSecurityConfiguration): AdmissionPlugin {
  const checker = new PodSecurity(reader, configuration);
  return {
    name: 'PodSecurity',
    handles({ operation, kind, subresource }) {
      if (operation !== 'CREATE' && operation !== 'UPDATE') return false;
      const resource = formatGroupResource(kind);
      if (resource === 'pods') return !IGNORED.has(subresource);
      return subresource === '' && (resource === 'namespaces' || hasPodTemplate(resource));
    },
    async validate(attributes) {
      const resource = formatGroupResource(attributes.kind);
      if (resource === 'namespaces') await checker.checkNamespace(attributes);
      else if (resource === 'pods') await checker.checkPod(attributes);
      else await checker.checkTemplate(attributes, resource);
    },
  };
}

class PodSecurity {
  readonly #reader: ObjectReader;
  readonly #defaults: Policy;
  readonly #users: ReadonlySet<string>;
  readonly #runtimeClasses: ReadonlySet<string>;
  readonly #namespaces: ReadonlySet<string>;

  constructor(reader: ObjectReader, { defaults, exemptions }: PodSecurityConfiguration) {
    this.#reader = reader;
    this.#defaults = defaults;
    this.#users = new Set(exemptions.usernames);
    this.#runtimeClasses = new Set(exemptions.runtimeClasses);
    this.#namespaces = new Set(exemptions.namespaces);
  }

  /** Labels must be readable; pods that a stricter level would not let in are warned of. */
  async checkNamespace({ kind, name, object, oldObject, warnings }: AdmissionAttributes): Promise<void> {
    const labels = object!.metadata.labels;
    const { policy, errors } = policyOf(labels, this.#defaults);
    const before = oldObject && policyOf(oldObject.metadata.labels, this.#defaults);
    if (errors.length && JSON.stringify(errors) !== JSON.stringify(before?.errors)) throw invalid(kind, name, errors);
    if (before) {
      const [now, was] = [policy.enforce, before.policy.enforce];
      if (sameLevel(now, was) || now.level === 'privileged') return;
      if (now.version === was.version && !isStricter(now.level, was.level)) return;
    }
    if (this.#namespaces.has(name)) {
      const warning = this.#exemptWarning(name, policy, labels);
      if (warning) warnings.push(warning);
      return;
    }
    if (!before) return;
    const pods = (this.#reader.list(podKind, name) as unknown as V1Pod[]).filter(
      ({ spec }) => !this.#runtimeClasses.has(spec?.runtimeClassName ?? ''),
    );
    const options = { namespace: name, level: policy.enforce, now: () => performance.now(), yieldToOthers: nextTurn };
    warnings.push(...(await warningsAboutPods(pods, options)));
  }

  async checkPod(attributes: AdmissionAttributes): Promise<void> {
    const exempt = this.#exemption(attributes);
    if (exempt) return note(attributes, 'exempt', exempt);
    const found = await this.#namespacePolicy(attributes.namespace);
    if (!found) throw internalError(`failed to lookup namespace ${JSON.stringify(attributes.namespace)}`);
    if (!found.errors.length && MODES.every((mode) => found.policy[mode].level === 'privileged'))
      return note(attributes, 'enforce-policy', 'privileged:latest');
    const pod = attributes.object as unknown as V1Pod;
    if (attributes.operation === 'UPDATE' && !isSignificantUpdate(pod, attributes.oldObject as unknown as V1Pod)) return;
    this.#evaluate(
      attributes,
      found,
      { annotations: pod.metadata?.annotations ?? {}, spec: pod.spec ?? { containers: [] } },
      true,
    );
  }

  /** What would make pods is not refused: its pods will be. It is warned of. */
  async checkTemplate(attributes: AdmissionAttributes, resource: string): Promise<void> {
    const exempt = this.#exemption(attributes);
    if (exempt) return note(attributes, 'exempt', exempt);
    const found = await this.#namespacePolicy(attributes.namespace);
    if (!found) return note(attributes, 'error', `failed to lookup namespace ${JSON.stringify(attributes.namespace)}`);
    const { policy, errors } = found;
    if (!errors.length && policy.warn.level === 'privileged' && policy.audit.level === 'privileged') return;
    const template = podTemplateOf(resource, attributes.object!);
    if (template) this.#evaluate(attributes, found, template, false);
  }

  #evaluate(
    attributes: AdmissionAttributes,
    { policy, errors }: ReturnType<typeof policyOf>,
    pod: CheckedPod,
    enforce: boolean,
  ): void {
    if (this.#runtimeClasses.has(pod.spec.runtimeClassName ?? '')) {
      note(attributes, 'exempt', 'runtimeClass');
      return;
    }
    if (errors.length) {
      const texts = errors.map(({ field, message }) => `${field}: ${message}`);
      note(attributes, 'error', `Failed to parse policy: ${texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`}`);
    }
    const wouldViolate = (mode: 'audit' | 'warn') => {
      const violations = evaluatePod(pod, policy[mode]);
      return violations.length
        ? `would violate PodSecurity "${formatLevel(policy[mode])}": ${describeDetails(violations)}`
        : undefined;
    };
    const refused = enforce ? evaluatePod(pod, policy.enforce) : [];
    if (enforce) note(attributes, 'enforce-policy', formatLevel(policy.enforce));
    const audited = wouldViolate('audit');
    if (audited) note(attributes, 'audit-violations', audited);
    if (refused.length)
      throw refuse(attributes, `violates PodSecurity "${formatLevel(policy.enforce)}": ${describeDetails(refused)}`);
    const warning = wouldViolate('warn');
    if (warning) attributes.warnings.push(warning);
  }

  async #namespacePolicy(name: string): Promise<ReturnType<typeof policyOf> | undefined> {
    let namespace = this.#reader.get(namespaceKind, '', name);
    if (!namespace) {
      await this.#reader.waitFresh(namespaceKind);
      namespace = this.#reader.get(namespaceKind, '', name);
    }
    return namespace && policyOf(namespace.metadata.labels, this.#defaults);
  }

  #exemption({ namespace, user }: AdmissionAttributes): 'namespace' | 'user' | undefined {
    if (this.#namespaces.has(namespace)) return 'namespace';
    return this.#users.has(user.name) ? 'user' : undefined;
  }

  #exemptWarning(name: string, policy: Policy, labels: Readonly<Record<string, string>> | undefined): string | undefined {
    if (MODES.every((mode) => policy[mode].level === 'privileged')) return undefined;
    if (MODES.every((mode) => sameLevel(policy[mode], this.#defaults[mode]))) return undefined;
    const set = MODES.filter((mode) => policy[mode].level !== 'privileged' && isLabelled(labels, mode));
    const shown = set.map((mode) => `${mode}=${formatLevel(policy[mode])}`).join(', ');
    return `namespace ${JSON.stringify(name)} is exempt from Pod Security, and the policy (${shown}) will be ignored`;
  }
}

function note({ audit }: AdmissionAttributes, key: string, value: string): void {
  audit?.addAuditAnnotation(AUDIT + key, value);
}
