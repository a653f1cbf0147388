import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { DefinitionNames } from './definition-names.ts';
import type { Operation, PathItem } from './openapi-document.ts';
import { capital, groupName, idPrefix, tagOf } from './operation-names.ts';

const JSON_ONLY = ['application/json'];
const ALL_TYPES = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];

type Names = Pick<DefinitionNames, 'of'>;
interface Page {
  readonly id: string;
  readonly description: string;
  readonly tag: string;
  /** What is answered: one of the generated types, or text. */
  readonly schema?: string;
  readonly types?: readonly string[];
  /** Of types that a body might have; upstream says so of most pages, which take none. */
  readonly consumes?: readonly string[];
}

/** A document besides those of groups' versions: its address below `/openapi/v3/`, its path, and what it refers to. */
export interface DiscoveryPath {
  readonly name: string;
  readonly path: string;
  readonly page: Page;
}

/** What is served besides resources of some group's version, and said in OpenAPI: discovery, the version, service accounts' keys. */
export function discoveryPaths(kinds: readonly KindDefinition[]): DiscoveryPath[] {
  const groups = new Set(kinds.filter(({ group, ownSchema }) => group && !ownSchema).map(({ group }) => group));
  return [
    {
      name: '.well-known/openid-configuration',
      path: '/.well-known/openid-configuration',
      page: {
        id: 'getServiceAccountIssuerOpenIDConfiguration',
        description: "get service account issuer OpenID configuration, also known as the 'OIDC discovery doc'",
        tag: 'WellKnown',
        types: JSON_ONLY,
      },
    },
    {
      name: 'api',
      path: '/api/',
      page: { ...available('getCoreAPIVersions', 'core'), schema: 'V1APIVersions', consumes: ALL_TYPES },
    },
    {
      name: 'apis',
      path: '/apis/',
      page: { ...available('getAPIVersions', 'apis'), schema: 'V1APIGroupList', consumes: ALL_TYPES },
    },
    ...[...groups].map((group) => ({
      name: `apis/${group}`,
      path: `/apis/${group}/`,
      page: {
        id: `get${capital(groupName(group))}APIGroup`,
        description: 'get information of a group',
        tag: groupName(group),
        schema: 'V1APIGroup',
        consumes: ALL_TYPES,
      },
    })),
    {
      name: 'openid/v1/jwks',
      path: '/openid/v1/jwks',
      page: {
        id: 'getServiceAccountIssuerOpenIDKeyset',
        description: 'get service account issuer OpenID JSON Web Key Set (contains public token verification keys)',
        tag: 'openid',
        types: ['application/jwk-set+json'],
      },
    },
    {
      name: 'version',
      path: '/version/',
      page: {
        id: 'getCodeVersion',
        description: 'get the version information for this server',
        tag: 'version',
        schema: 'VersionInfo',
        types: JSON_ONLY,
        consumes: JSON_ONLY,
      },
    },
  ];
}

/** The page that names the resources of one of Kubernetes' own groups' versions. */
export function resourcesPath(kind: Pick<KindDefinition, 'group' | 'version'>): Omit<DiscoveryPath, 'name'> {
  const { group, version } = kind;
  return {
    path: group ? `/apis/${group}/${version}/` : `/api/${version}/`,
    page: {
      id: `get${idPrefix(kind)}APIResources`,
      description: 'get available resources',
      tag: tagOf(kind),
      schema: 'V1APIResourceList',
      consumes: ALL_TYPES,
    },
  };
}

const available = (id: string, tag: string) => ({ id, description: 'get available API versions', tag });

/** The page as OpenAPI has it. */
export function pageItem({ id, description, tag, schema, types = ALL_TYPES, consumes }: Page, names: Names): PathItem {
  const get: Operation = {
    operationId: id,
    description,
    tags: [tag],
    ...(consumes && { consumes }),
    produces: types,
    schemes: ['https'],
    responses: {
      200: { description: 'OK', schema: schema ? { $ref: `#/definitions/${names.of(schema)}` } : { type: 'string' } },
      401: { description: 'Unauthorized' },
    },
  };
  return { get };
}
