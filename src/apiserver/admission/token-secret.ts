import { serviceAccountKind } from '../../api/core/v1/service-account.ts';
import { notFoundField, requiredField } from '../../api/machinery/field-error.ts';
import { invalid } from '../../api/machinery/status-error.ts';
import type { AdmissionPlugin, ObjectReader } from '../contracts.ts';
import { isAbout } from './refusal.ts';

const ACCOUNT_NAME = 'kubernetes.io/service-account.name';

/** A Secret that is to hold an account's token names one that is there. Upstream takes any and deletes it soon after. */
export function createTokenSecretCheck(reader: ObjectReader): AdmissionPlugin {
  return {
    name: 'TokenSecret',
    handles: (attributes) =>
      attributes.operation === 'CREATE' &&
      isAbout(attributes, 'secrets') &&
      attributes.object?.['type'] === 'kubernetes.io/service-account-token',
    async validate({ kind, namespace, object, name }) {
      const account = object?.metadata.annotations?.[ACCOUNT_NAME];
      const field = `metadata.annotations[${ACCOUNT_NAME}]`;
      if (!account) throw invalid(kind, name, [requiredField(field)]);
      if (reader.get(serviceAccountKind, namespace, account)) return;
      await reader.waitFresh(serviceAccountKind);
      if (!reader.get(serviceAccountKind, namespace, account)) throw invalid(kind, name, [notFoundField(field, account)]);
    },
  };
}
