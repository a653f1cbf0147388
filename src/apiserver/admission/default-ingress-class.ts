import type { V1Ingress } from '../../api/gen/types.ts';
import { newestOf } from '../../api/machinery/newest-default.ts';
import { ingressClassKind } from '../../api/networking/v1/ingress-class.ts';
import type { AdmissionPlugin, ObjectReader } from '../contracts.ts';
import { isAbout } from './refusal.ts';

const DEFAULT = 'ingressclass.kubernetes.io/is-default-class';
const OLD_CLASS = 'kubernetes.io/ingress.class';

/** An Ingress that names no class gets the default one (plugin/pkg/admission/network/defaultingressclass). */
export function createDefaultIngressClass(reader: ObjectReader): AdmissionPlugin {
  return {
    name: 'DefaultIngressClass',
    handles: (attributes) => attributes.operation === 'CREATE' && isAbout(attributes, 'ingresses.networking.k8s.io'),
    async admit({ object }) {
      const ingress = object as unknown as V1Ingress;
      if (ingress.spec?.ingressClassName !== undefined || ingress.metadata?.annotations?.[OLD_CLASS] !== undefined) return;
      const defaults = reader.list(ingressClassKind).filter(({ metadata }) => metadata.annotations?.[DEFAULT] === 'true');
      const name = newestOf(defaults)?.metadata.name;
      if (name) ingress.spec = { ...ingress.spec, ingressClassName: name };
    },
  };
}
