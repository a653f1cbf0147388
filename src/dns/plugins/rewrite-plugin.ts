import { RCODE } from '../message/constants.ts';
import type { RecordData, ResourceRecord } from '../message/message.ts';
import { MessageError } from '../message/message-error.ts';
import { emptyReply, type Plugin, type PluginDefinition, type Query, type Reply, whenReply, withQuestion } from './plugin.ts';
import { type RewriteRule, type Rewriting, readRewriteRule } from './rewrite-rules.ts';

/** `rewrite …`: asks for something else than was asked for, without the asker's knowledge. */
export const rewritePlugin: PluginDefinition = {
  name: 'rewrite',
  repeatable: true,
  read(directives) {
    const rules = directives.map(readRewriteRule);
    return () => createRewrite(rules);
  },
};

function createRewrite(rules: readonly RewriteRule[]): Plugin {
  return {
    resolve: (next) => (query) => {
      let current: Query = query;
      const names: Change[] = [];
      const values: Change[] = [];
      let ttl: number | undefined;
      for (const rule of rules) {
        let rewriting: Rewriting | undefined;
        try {
          rewriting = rule.apply(current.question, current.name);
        } catch (error) {
          if (error instanceof MessageError) return emptyReply(RCODE.SERVFAIL, 'rewrite', error.message);
          throw error;
        }
        if (!rewriting) continue;
        current = withQuestion(current, rewriting.question);
        if (rewriting.answerName) names.unshift(rewriting.answerName);
        if (rewriting.answerValue) values.unshift(rewriting.answerValue);
        ttl = rewriting.ttl ?? ttl;
        if (!rule.continues) break;
      }
      if (current === query) return next(query);
      return whenReply(next(current), (reply) => restore(reply, { names, values, ttl }));
    },
  };
}

type Change = (name: string) => string;

interface Restoring {
  readonly names: readonly Change[];
  readonly values: readonly Change[];
  readonly ttl: number | undefined;
}

function restore(reply: Reply, { names, values, ttl }: Restoring): Reply {
  const by = (changes: readonly Change[]) => (name: string) => changes.reduce((current, change) => change(current), name);
  const change = (records: readonly ResourceRecord[]) =>
    records.map((record) => ({
      ...record,
      name: by(names)(record.name),
      data: renamed(record.data, by(values)),
      ttl: ttl ?? record.ttl,
    }));
  return { ...reply, answers: change(reply.answers), additionals: change(reply.additionals) };
}

function renamed(data: RecordData, rename: (name: string) => string): RecordData {
  if ('target' in data) return { target: rename(data.target) };
  if ('host' in data) return { ...data, host: rename(data.host) };
  if ('exchange' in data) return { ...data, exchange: rename(data.exchange) };
  return data;
}
