import { RE2JS } from 're2js';
import { checkCount, checkNoBlock, readZones, unknownProperty } from '../corefile/arguments.ts';
import { CorefileError } from '../corefile/corefile-error.ts';
import type { Directive } from '../corefile/parse-corefile.ts';
import {
  CLASS,
  className,
  classNumber,
  countedClassName,
  countedTypeName,
  RCODE,
  rcodeNumber,
  TYPE,
  typeName,
  typeNumber,
} from '../message/constants.ts';
import type { ResourceRecord } from '../message/message.ts';
import { zoneOf } from '../message/names.ts';
import { parseRecord } from '../message/record-text.ts';
import { fallsThrough, readFallthrough } from './fallthrough.ts';
import { emptyReply, type Plugin, type PluginContext, type PluginDefinition, type Query, type Reply } from './plugin.ts';
import { readTemplate, type Template, type TemplateValues } from './template-text.ts';

interface Rule {
  readonly zones: readonly string[];
  readonly class: number;
  readonly type: number;
  /** None: every name. */
  readonly patterns: readonly RE2JS[];
  readonly answers: readonly Template[];
  readonly additionals: readonly Template[];
  readonly authorities: readonly Template[];
  readonly rcode: number;
  readonly fallthrough: readonly string[] | undefined;
}

/** `template CLASS TYPE [ZONES...] { … }`: answers made of what was asked. */
export const templatePlugin: PluginDefinition = {
  name: 'template',
  repeatable: true,
  read(directives, zones) {
    const rules = directives.map((directive) => readRule(directive, zones));
    return (context) => createTemplate(rules, context);
  },
};

function readRule(directive: Directive, blockZones: readonly string[]): Rule {
  const [classText, typeText, ...zones] = checkCount(directive, 2, Number.MAX_SAFE_INTEGER);
  const [askedClass, type] = [classNumber(classText!), typeNumber(typeText!)];
  if (askedClass === undefined) throw new CorefileError(directive, `invalid query class ${classText}`);
  if (type === undefined) throw new CorefileError(directive, `invalid RR class ${typeText}`);
  let rule: Rule = {
    ...{ zones: zones.length > 0 ? readZones(directive, zones) : blockZones, class: askedClass, type },
    ...{ patterns: [], answers: [], additionals: [], authorities: [], rcode: RCODE.NOERROR, fallthrough: undefined },
  };
  for (const property of directive.block) {
    checkNoBlock(property);
    rule = { ...rule, ...readProperty(property, rule) };
  }
  return rule;
}

function readProperty(property: Directive, rule: Rule): Partial<Rule> {
  const many = () => checkCount(property, 1, Number.MAX_SAFE_INTEGER);
  const templates = () => many().map((text) => readTemplate(property, text));
  switch (property.name) {
    case 'match':
      return { patterns: [...rule.patterns, ...many().map((text) => readPattern(property, text))] };
    case 'answer':
      return { answers: [...rule.answers, ...templates()] };
    case 'additional':
      return { additionals: [...rule.additionals, ...templates()] };
    case 'authority':
      return { authorities: [...rule.authorities, ...templates()] };
    case 'rcode': {
      const [name] = checkCount(property, 1);
      const rcode = rcodeNumber(name!);
      if (rcode === undefined) throw new CorefileError(property, `unknown rcode ${name}`);
      return { rcode };
    }
    case 'fallthrough':
      return { fallthrough: readFallthrough(property) };
    case 'upstream':
      // Without effect in CoreDNS since 1.7, too: what a CNAME leads to is asked for in any case.
      return {};
    case 'ederror':
      throw new CorefileError(property, 'template: ederror is not supported');
    default:
      throw unknownProperty(property);
  }
}

function readPattern(property: Directive, text: string): RE2JS {
  try {
    return RE2JS.compile(text);
  } catch (cause) {
    throw new CorefileError(property, `could not parse regex: ${text}, ${(cause as Error).message}`, cause);
  }
}

function createTemplate(rules: readonly Rule[], { lookup, metrics, server }: PluginContext): Plugin {
  return {
    resolve: (next) => (query) => {
      for (const rule of rules) {
        const zone = zoneOf(query.name, rule.zones);
        if (zone === undefined || !isAskedOf(rule, query)) continue;
        const values = match(rule, query, zone);
        if (!values) {
          if (fallsThrough(query.name, rule.fallthrough)) continue;
          return emptyReply(RCODE.SERVFAIL, 'template');
        }
        const { class: asked, type } = query.question;
        metrics
          .series('coredns_template_matches_total', [server, zone, '', countedClassName(asked), countedTypeName(type)])
          .add();
        return answer(rule, query, values, lookup);
      }
      return next(query);
    },
  };
}

const isAskedOf = (rule: Rule, { question }: Query): boolean =>
  (rule.class === CLASS.ANY || question.class === CLASS.ANY || question.class === rule.class) &&
  (rule.type === TYPE.ANY || question.type === TYPE.ANY || question.type === rule.type);

/** What the first pattern that fits finds; undefined when none does. */
function match({ patterns }: Rule, query: Query, zone: string): TemplateValues | undefined {
  const { name, question, remoteAddress } = query;
  const common = {
    ...{ Zone: zone, Name: name, Class: className(question.class), Type: typeName(question.type) },
    Remote: remoteAddress,
  };
  if (patterns.length === 0) return { ...common, Match: [name], Group: { 0: name } };
  for (const pattern of patterns) {
    const matcher = pattern.matcher(name);
    if (!matcher.find()) continue;
    const found = Array.from({ length: matcher.groupCount() + 1 }, (_, i) => matcher.group(i) ?? '');
    const named = Object.entries(pattern.namedGroups()).map(([group, i]) => [group, found[i] ?? ''] as const);
    return { ...common, Match: found, Group: Object.fromEntries([...found.entries(), ...named]) };
  }
  return undefined;
}

function answer(rule: Rule, query: Query, values: TemplateValues, lookup: PluginContext['lookup']): Reply | Promise<Reply> {
  if (rule.rcode === RCODE.SERVFAIL) return emptyReply(RCODE.SERVFAIL, 'template');
  const make = (templates: readonly Template[]) =>
    templates.flatMap((template) => {
      const text = template(values).trim();
      return text === '' ? [] : [parseRecord(text)];
    });
  let reply: Reply;
  try {
    reply = {
      ...emptyReply(rule.rcode, 'template'),
      ...{ authoritative: true, answers: make(rule.answers), authorities: make(rule.authorities) },
      additionals: make(rule.additionals),
    };
  } catch (error) {
    return emptyReply(RCODE.SERVFAIL, 'template', (error as Error).message);
  }
  const { type } = query.question;
  if (type !== TYPE.A && type !== TYPE.AAAA) return reply;
  return reply.answers.some((record) => record.type === TYPE.CNAME) ? withTargets(reply, query, lookup) : reply;
}

/** Behind each alias what it leads to, where somebody knows that. */
async function withTargets(reply: Reply, query: Query, lookup: PluginContext['lookup']): Promise<Reply> {
  const answers: ResourceRecord[] = [];
  let { truncated } = reply;
  for (const record of reply.answers) {
    answers.push(record);
    if (record.type !== TYPE.CNAME || !('target' in record.data)) continue;
    const found = await lookup(query, record.data.target, query.question.type);
    truncated ||= found.truncated;
    answers.push(...found.answers);
  }
  return { ...reply, answers, truncated };
}
