import type { Authorizer, UserInfo } from '../contracts.ts';

/** Whether a user may do something (`approve`, `sign`, `attest`) for a signer: by its whole name, or by `domain/*`. */
export async function mayUseSigner(
  authorizer: Authorizer,
  user: UserInfo,
  use: { readonly verb: 'approve' | 'sign' | 'attest'; readonly signerName: string },
): Promise<boolean> {
  const domain = use.signerName.slice(0, Math.max(0, use.signerName.indexOf('/')));
  for (const name of [use.signerName, `${domain}/*`]) {
    const { decision } = await authorizer.authorize({
      user,
      verb: use.verb,
      isResourceRequest: true,
      path: '',
      group: 'certificates.k8s.io',
      version: '*',
      namespace: '',
      resource: 'signers',
      subresource: '',
      name,
    });
    if (decision === 'allow') return true;
  }
  return false;
}
