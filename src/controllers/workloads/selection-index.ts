/**
 * Who is selected by whom, without looking through a namespace: pods by each of their labels, Services by one label that all of their pods
 * must have.
 *
 *     pods "label":       a app=web ─► web-1, web-2         Services "selector":   a app=web ─► web
 */
import { podKind } from '../../api/core/v1/pod.ts';
import { serviceKind } from '../../api/core/v1/service.ts';
import type { V1Pod, V1Service } from '../../api/gen/types.ts';
import { type Selector, selectorFromLabels } from '../../api/machinery/label-selector.ts';
import { remembered } from '../../std/remembered.ts';
import type { SharedInformers } from '../framework/shared-informers.ts';

const BY_LABEL = 'label';
const BY_SELECTOR = 'selector';

const indexKey = (namespace: string | undefined, key: string, value: string) => `${namespace} ${key}=${value}`;

/** Answers the pods of a namespace that a selector matches. To be made before the informers are started. */
export function selectedPods(informers: SharedInformers): (namespace: string, selector: Selector) => readonly V1Pod[] {
  const pods = informers.of<V1Pod>(podKind);
  informers.index(pods, BY_LABEL, ({ metadata }) =>
    Object.entries(metadata?.labels ?? {}).map(([key, value]) => indexKey(metadata?.namespace, key, value)),
  );
  return (namespace, selector) => {
    const one = selector.requirements.find(
      ({ operator, values }) => operator === '=' || (operator === 'in' && values.length === 1),
    );
    const candidates = one ? pods.byIndex(BY_LABEL, indexKey(namespace, one.key, one.values[0]!)) : pods.list(namespace);
    return candidates.filter(({ metadata }) => selector.matches(metadata?.labels));
  };
}

/** Answers the Services whose selector matches the pod's labels; not those without one. To be made before the informers are started. */
export function servicesSelecting(informers: SharedInformers): (pod: V1Pod) => readonly V1Service[] {
  const services = informers.of<V1Service>(serviceKind);
  informers.index(services, BY_SELECTOR, ({ metadata, spec }) =>
    Object.entries(spec?.selector ?? {})
      .slice(0, 1)
      .map(([key, value]) => indexKey(metadata?.namespace, key, value)),
  );
  const selectorOf = remembered(({ spec }: V1Service) => selectorFromLabels(spec?.selector));
  return ({ metadata }) =>
    Object.entries(metadata?.labels ?? {})
      .flatMap(([key, value]) => services.byIndex(BY_SELECTOR, indexKey(metadata?.namespace, key, value)))
      .filter((service) => selectorOf(service).matches(metadata?.labels));
}
