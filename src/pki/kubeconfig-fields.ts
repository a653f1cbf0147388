/** What the fields that we read must hold. Returns the first problem with its field, or undefined. Never throws. */
export function checkKubeconfig(document: unknown): string | undefined {
  if (!isMapping(document)) return 'is not a mapping';
  if (document['apiVersion'] !== undefined && document['apiVersion'] !== 'v1') {
    return `apiVersion: ${JSON.stringify(document['apiVersion'])} is not "v1"`;
  }
  if (document['kind'] !== undefined && document['kind'] !== 'Config') {
    return `kind: ${JSON.stringify(document['kind'])} is not "Config"`;
  }
  const current = document['current-context'];
  if (current !== undefined && current !== null && typeof current !== 'string') return 'current-context: is not a string';
  return (
    checkList(document, 'clusters', 'cluster', CLUSTER_FIELDS) ??
    checkList(document, 'contexts', 'context', CONTEXT_FIELDS) ??
    checkList(document, 'users', 'user', USER_FIELDS)
  );
}

type FieldType = 'string' | 'boolean' | 'base64';

const CLUSTER_FIELDS: Readonly<Record<string, FieldType>> = {
  server: 'string',
  'tls-server-name': 'string',
  'insecure-skip-tls-verify': 'boolean',
  'certificate-authority': 'string',
  'certificate-authority-data': 'base64',
  'proxy-url': 'string',
};
const CONTEXT_FIELDS: Readonly<Record<string, FieldType>> = { cluster: 'string', user: 'string', namespace: 'string' };
const USER_FIELDS: Readonly<Record<string, FieldType>> = {
  'client-certificate': 'string',
  'client-certificate-data': 'base64',
  'client-key': 'string',
  'client-key-data': 'base64',
  token: 'string',
  tokenFile: 'string',
};

function checkList(
  document: Record<string, unknown>,
  listName: string,
  entryName: string,
  fields: Readonly<Record<string, FieldType>>,
): string | undefined {
  const list = document[listName];
  if (list === undefined || list === null) return undefined;
  if (!Array.isArray(list)) return `${listName}: is not a list`;
  const names = new Set<string>();
  for (const [i, entry] of list.entries()) {
    if (!isMapping(entry)) return `${listName}[${i}]: is not a mapping`;
    const { name } = entry;
    // kubeadm's cluster-info has a cluster whose name is empty.
    if (typeof name !== 'string') return `${listName}[${i}].name: is missing`;
    if (names.has(name)) return `${listName}[${i}].name: "${name}" stands there twice`;
    names.add(name);
    // kubectl writes `user: {}`, and people leave it out.
    entry[entryName] ??= {};
    const content = entry[entryName];
    const where = `${listName}[${i}] ("${name}").${entryName}`;
    if (!isMapping(content)) return `${where}: is not a mapping`;
    for (const [field, type] of Object.entries(fields)) {
      const problem = checkField(content[field], type);
      if (problem) return `${where}.${field}: ${problem}`;
    }
  }
  return undefined;
}

/** Never repeats the value: it may be a key or a token. */
function checkField(value: unknown, type: FieldType): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (type === 'boolean') return typeof value === 'boolean' ? undefined : 'is not true or false';
  if (typeof value !== 'string') return 'is not a string';
  if (type === 'base64' && !/^[A-Za-z0-9+/]*={0,2}$/.test(value.replace(/\s/g, ''))) return 'is not base64';
  return undefined;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
