import { isDeepStrictEqual } from 'node:util';
import type { DynamicObject } from '../../api/machinery/object.ts';
import type { AdmissionPlugin, Authorizer } from '../contracts.ts';
import { isAbout, refuse } from './refusal.ts';
import { mayUseSigner } from './signer-access.ts';

/** Who publishes a signer's trust anchors must be allowed to attest for it (plugin/pkg/admission/certificates/ctbattest). */
export function createClusterTrustBundleAttest(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'ClusterTrustBundleAttest',
    handles: (attributes) =>
      (attributes.operation === 'CREATE' || attributes.operation === 'UPDATE') &&
      isAbout(attributes, 'clustertrustbundles.certificates.k8s.io'),
    async validate(attributes) {
      const { object, oldObject, user } = attributes;
      const signerName = (object?.['spec'] as { signerName?: string } | undefined)?.signerName;
      if (!signerName) return;
      // Garbage collection and rewriting in a new version are not attesting.
      if (oldObject && isDeepStrictEqual(withoutOwnership(object!), withoutOwnership(oldObject))) return;
      if (await mayUseSigner(authorizer, user, { verb: 'attest', signerName })) return;
      throw refuse(attributes, `user not permitted to attest for signerName ${JSON.stringify(signerName)}`);
    },
  };
}

function withoutOwnership(object: DynamicObject): object {
  const {
    ownerReferences: _owners,
    finalizers: _finalizers,
    managedFields: _fields,
    resourceVersion: _version,
    ...metadata
  } = object.metadata;
  return { ...object, metadata };
}
