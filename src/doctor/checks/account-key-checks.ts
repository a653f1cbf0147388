/** Keys of service-account tokens: they never end, so that what is wrong with them shows only by tokens that nobody accepts. */
import type { Finding } from '../finding.ts';
import type { AccountKeyFile, HostObservations } from '../observations.ts';
import type { Check } from './check.ts';

const VERIFYING = 'service-account-key-file';
const SIGNING = new Set(['service-account-signing-key-file', 'service-account-private-key-file']);
const MOST_SHOWN = 3;

export const checkAccountKeys: Check = ({ accountKeys, hosts }) => [
  ...(accountKeys && accountKeys.verifying.length > 0 ? unverified(accountKeys.verifying, accountKeys.signed) : []),
  ...strangers(hosts),
];

function unverified(verifying: readonly string[], signed: ReadonlyMap<string, readonly string[]>): Finding[] {
  return [...signed]
    .filter(([keyId]) => !verifying.includes(keyId))
    .map(([keyId, secrets]) => ({
      ...{ code: 'DOC-608', severity: 'error', subject: `serviceaccountkey/${keyId}` },
      message:
        'Tokens of service accounts are signed with a key that the API server does not know: who uses them is answered 401 Unauthorized.',
      evidence: `${secrets.slice(0, MOST_SHOWN).join(', ')}${secrets.length > MOST_SHOWN ? ` and ${secrets.length - MOST_SHOWN} more` : ''}; the API server has ${verifying.join(', ')}`,
      remedy:
        'add the public half of that key to --service-account-key-file of every API server, or, if it is gone: kubectl -n kube-system delete secret NAME, and restart the pods that use it',
    }));
}

/** Who signs with a key that some API server has not; what could not be read is not judged. */
function strangers(hosts: readonly HostObservations[]): Finding[] {
  const files = hosts.flatMap(({ hostName, prefix, accountKeys }) => accountKeys.map((file) => ({ ...file, hostName, prefix })));
  const readable = (file: AccountKeyFile) => file.keyIds.length > 0;
  const servers = Map.groupBy(
    files.filter(({ flag, component }) => flag === VERIFYING && component === 'kube-apiserver'),
    ({ hostName }) => hostName,
  );
  return files
    .filter((file) => SIGNING.has(file.flag) && readable(file))
    .flatMap(({ component, flag, path, prefix, hostName, keyIds }): Finding[] => {
      const without = [...servers].filter(
        ([, own]) => own.every(readable) && !own.some((file) => file.keyIds.includes(keyIds[0]!)),
      );
      if (without.length === 0) return [];
      return [
        {
          ...{ code: 'DOC-609', severity: 'error', subject: `file/${prefix}${path}` },
          message: 'A component signs service-account tokens with a key that an API server does not verify them with.',
          evidence: `--${flag} of ${component} on ${hostName} is key ${keyIds[0]}, which --${VERIFYING} on ${without.map(([name]) => name).join(', ')} has not`,
          remedy: 'give every master the same pair of keys; while one is replaced, give API servers the public halves of both',
        },
      ];
    });
}
