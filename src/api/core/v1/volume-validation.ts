import type { V1Volume } from '../../gen/types.ts';
import { duplicateField, forbiddenField, invalidField, requiredField } from '../../machinery/field-error.ts';
import { checkDnsLabel } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';

/** Fields of each source without which it makes no sense. */
const NEEDED: Readonly<Record<string, string>> = {
  hostPath: 'path',
  secret: 'secretName',
  configMap: 'name',
  persistentVolumeClaim: 'claimName',
  csi: 'driver',
  nfs: 'server',
};

/** Each volume has a name of its own and exactly one source. */
export function validateVolumes(volumes: readonly V1Volume[], path: string): { errors: FieldError[]; names: Set<string> } {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  volumes.forEach((volume, i) => {
    const at = `${path}[${i}]`;
    const { name, ...sources } = volume;
    if (!name) errors.push(requiredField(`${at}.name`));
    else for (const complaint of checkDnsLabel(name)) errors.push(invalidField(`${at}.name`, name, complaint));
    if (names.has(name)) errors.push(duplicateField(`${at}.name`, name));
    else names.add(name);
    const given = Object.keys(sources);
    if (!given.length) errors.push(requiredField(at, 'must specify a volume type'));
    for (const source of given.slice(1))
      errors.push(forbiddenField(`${at}.${source}`, 'may not specify more than 1 volume type'));
    errors.push(...validateSource(given[0], sources, at));
  });
  return { errors, names };
}

function validateSource(source: string | undefined, sources: Omit<V1Volume, 'name'>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const needed = source === undefined ? undefined : NEEDED[source];
  const value = (sources as Record<string, Record<string, unknown> | undefined>)[source ?? ''];
  if (needed && !value?.[needed]) errors.push(requiredField(`${path}.${source}.${needed}`));
  const hostPath = sources.hostPath?.path;
  if (hostPath?.split('/').includes('..')) errors.push(invalidField(`${path}.hostPath.path`, hostPath, "must not contain '..'"));
  const mode = (sources.secret ?? sources.configMap ?? sources.downwardAPI ?? sources.projected)?.defaultMode;
  if (mode !== undefined && (mode < 0 || mode > 0o777))
    errors.push(
      invalidField(`${path}.${source}.defaultMode`, mode, 'must be a number between 0 and 0777 (octal), both inclusive'),
    );
  return errors;
}
