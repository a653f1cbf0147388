/** What Windows containers may say of themselves (core/validation validateWindowsSecurityContextOptions, validateWindowsHostProcessPod). */
import type { V1PodSpec, V1WindowsSecurityContextOptions } from '../../gen/types.ts';
import { invalidField } from '../../machinery/field-error.ts';
import { checkDnsSubdomain } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { eachContainer } from './pod-containers.ts';

const LONGEST_CREDENTIAL_KIB = 64;
const LONGEST_DOMAIN = 256;
const LONGEST_USER = 104;

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROL = /[\x00-\x1f\x7f]/;
const NET_BIOS = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/;
const DNS_LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?';
const DNS_NAME = new RegExp(`^${DNS_LABEL}(?:\\.${DNS_LABEL})*$`);
const BAD_IN_USER = /["/\\:;|=,+*?<>@[\]]/;
const ONLY_DOTS = /^[. ]+$/;

export function validateWindowsOptions(options: V1WindowsSecurityContextOptions, path: string, errors: FieldError[]): void {
  const { gmsaCredentialSpecName: name, gmsaCredentialSpec: spec, runAsUserName } = options;
  if (name !== undefined)
    for (const complaint of checkDnsSubdomain(name)) errors.push(invalidField(`${path}.gmsaCredentialSpecName`, name, complaint));
  if (spec === '') errors.push(invalidField(`${path}.gmsaCredentialSpec`, spec, 'gmsaCredentialSpec cannot be an empty string'));
  else if (spec !== undefined && Buffer.byteLength(spec) > LONGEST_CREDENTIAL_KIB * 1024)
    errors.push(
      invalidField(`${path}.gmsaCredentialSpec`, spec, `gmsaCredentialSpec size must be under ${LONGEST_CREDENTIAL_KIB} KiB`),
    );
  if (runAsUserName !== undefined)
    for (const complaint of userComplaints(runAsUserName))
      errors.push(invalidField(`${path}.runAsUserName`, runAsUserName, complaint));
}

/** `user` or `DOMAIN\user` */
function userComplaints(userName: string): string[] {
  if (userName === '') return ['runAsUserName cannot be an empty string'];
  if (CONTROL.test(userName)) return ['runAsUserName cannot contain control characters'];
  const parts = userName.split('\\');
  if (parts.length > 2) return ['runAsUserName cannot contain more than one backslash'];
  const user = parts.at(-1)!;
  const domain = parts.length === 2 ? parts[0]! : undefined;
  const complaints: string[] = [];
  if ((domain?.length ?? 0) >= LONGEST_DOMAIN)
    complaints.push(`runAsUserName's Domain length must be under ${LONGEST_DOMAIN} characters`);
  if (domain !== undefined && !NET_BIOS.test(domain) && !DNS_NAME.test(domain))
    complaints.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
  if (user === '') complaints.push("runAsUserName's User cannot be empty");
  else if (user.length > LONGEST_USER)
    complaints.push(`runAsUserName's User length must not be longer than ${LONGEST_USER} characters`);
  if (ONLY_DOTS.test(user)) complaints.push("runAsUserName's User cannot contain only periods or spaces");
  if (BAD_IN_USER.test(user)) complaints.push(`runAsUserName's User cannot contain the following characters: "/\\:;|=,+*?<>@[]`);
  return complaints;
}

/** Containers that are processes of the node: all of a pod's, or none, and on the node's network. */
export function checkHostProcesses(spec: V1PodSpec, path: string, errors: FieldError[]): void {
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess;
  let all = 0;
  let hostProcesses = 0;
  eachContainer(spec, path, ({ securityContext }, at) => {
    all++;
    const own = securityContext?.windowsOptions?.hostProcess;
    if (ofPod !== undefined && own !== undefined && ofPod !== own)
      errors.push(
        invalidField(
          `${at}.securityContext.windowsOptions.hostProcess`,
          own,
          `pod hostProcess value must be identical if both are specified, was ${ofPod}`,
        ),
      );
    if (own ?? ofPod) hostProcesses++;
  });
  if (!hostProcesses) return;
  if (hostProcesses !== all)
    errors.push(
      invalidField(path, '', 'If pod contains any hostProcess containers then all containers must be HostProcess containers'),
    );
  if (!spec.hostNetwork)
    errors.push(
      invalidField(`${path}.hostNetwork`, false, 'hostNetwork must be true if pod contains any hostProcess containers'),
    );
}
