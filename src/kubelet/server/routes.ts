import { flagzPage, statuszPage } from '../../api/configuration/component-pages.ts';
import type { RunProgram } from '../../host/run-program.ts';
import type { Clock } from '../../std/clock.ts';
import { configzDocument } from '../configuration/configz.ts';
import { type Answer, errorAnswer, type Handler, jsonAnswer, prometheusAnswer } from './api-exchange.ts';
import { createCheckpoint } from './checkpoint.ts';
import { createContainerLogs } from './container-logs.ts';
import { createContainerStreams } from './container-streams.ts';
import { componentAnswer, profilingPage, verbosityPage } from './debug-pages.ts';
import { healthChecks, healthPage } from './health-page.ts';
import { createHollowStatistics } from './hollow-statistics.ts';
import type { KubeletView } from './kubelet-view.ts';
import { healthMetricsPage, metricsPage, probeMetricsPage } from './metrics-pages.ts';
import { createNodeLogs } from './node-logs.ts';
import { podsPage, runningPodsPage } from './pod-pages.ts';
import type { Route } from './route-table.ts';
import { cgroupPage, containerStatsPage, summaryPage } from './stats-pages.ts';

const GET = ['GET'];
/** Handlers of pages look at no method, as Go's do. */
const ANY = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const GET_POST = ['GET', 'POST'];
const IN_CONTAINER = ['/:namespace/:pod/:container', '/:namespace/:pod/:uid/:container'];

/** Loaded with the first program that has to be run. */
const lazyRun: RunProgram = async (...asked) => (await import('../../host/run-program.ts')).runProgram(...asked);
const disabled = (line: string) => () => errorAnswer(405, line);

/** What both the secured and the read-only port serve. */
export function readingRoutes(view: KubeletView, clock: Clock): Route[] {
  const hollow = createHollowStatistics(view, clock);
  // Those of real pods come when the kubelet has got so far.
  const statistics = () => view.statistics ?? hollow;
  const checks = healthChecks(view);
  const text = (render: () => Promise<string> | string) => async (): Promise<Answer> => prometheusAnswer(await render());
  const containerStats: Handler = (request, parameters) => containerStatsPage(view, statistics(), request, parameters);
  return [
    { path: '/healthz/*', methods: ANY, handle: (request) => healthPage(checks, request) },
    { path: '/pods', methods: GET, handle: () => podsPage(view) },
    { path: '/stats', methods: GET_POST, handle: (request) => cgroupPage(statistics(), request, true) },
    { path: '/stats/summary', methods: GET_POST, handle: (request) => summaryPage(statistics(), request) },
    { path: '/stats/container', methods: GET_POST, handle: (request) => cgroupPage(statistics(), request, false) },
    { path: '/stats/:pod/:container', methods: GET_POST, handle: containerStats },
    { path: '/stats/:namespace/:pod/:uid/:container', methods: GET_POST, handle: containerStats },
    { path: '/metrics', methods: ANY, handle: text(() => metricsPage(view, clock)) },
    { path: '/metrics/cadvisor', methods: ANY, handle: text(() => statistics().cadvisorMetrics()) },
    { path: '/metrics/resource', methods: ANY, handle: text(() => statistics().resourceMetrics()) },
    { path: '/metrics/probes', methods: ANY, handle: text(() => probeMetricsPage(view)) },
    { path: '/metrics/slis', methods: ANY, handle: text(() => healthMetricsPage(checks)) },
    { path: '/spec', methods: GET, handle: async () => jsonAnswer(await statistics().machine()) },
  ];
}

/** What only callers who have shown who they are get to; with `enableDebuggingHandlers` off they are told so. */
export function debuggingRoutes(view: KubeletView, clock: Clock): Route[] {
  const { configuration } = view;
  if (!configuration.enableDebuggingHandlers) return disabledRoutes();
  const streams = createContainerStreams(view, clock);
  const inContainer = (prefix: string, methods: readonly string[], handle: Handler): Route[] =>
    IN_CONTAINER.map((path) => ({ path: prefix + path, methods, handle }));
  const logs = configuration['enableSystemLogHandler'] !== false;
  const profiling = configuration['enableProfilingHandler'] !== false;
  const flags = configuration['enableDebugFlagsHandler'] !== false;
  const routes: Route[] = [
    {
      path: '/logs/*',
      methods: logs ? GET : ANY,
      handle: logs
        ? createNodeLogs({ root: view.logDirectory, ...(configuration['enableSystemLogQuery'] === true && { run: lazyRun }) })
        : disabled('logs endpoint is disabled.'),
    },
    {
      path: '/debug/pprof/*',
      methods: profiling ? GET : ANY,
      handle: profiling ? profilingPage : disabled('profiling endpoint is disabled.'),
    },
    {
      path: '/debug/flags/v',
      methods: ANY,
      handle: flags ? (request) => verbosityPage(view, request) : disabled('flags endpoint is disabled.'),
    },
    ...inContainer('/run', ['POST'], streams.run),
    ...inContainer('/exec', GET_POST, streams.exec),
    ...inContainer('/attach', GET_POST, streams.attach),
    { path: '/portForward/:namespace/:pod', methods: GET_POST, handle: streams.portForward },
    { path: '/portForward/:namespace/:pod/:uid', methods: GET_POST, handle: streams.portForward },
    { path: '/containerLogs/:namespace/:pod/:container', methods: GET, handle: createContainerLogs(view, clock) },
    { path: '/configz', methods: ANY, handle: () => jsonAnswer(configzDocument(configuration)) },
    { path: '/runningpods', methods: GET, handle: () => runningPodsPage(view) },
    { path: '/checkpoint/:namespace/:pod/:container', methods: ['POST'], handle: createCheckpoint(view, clock) },
  ];
  if (view.flags)
    routes.push({
      path: '/flagz',
      methods: ANY,
      handle: ({ headers }) => componentAnswer(() => flagzPage('kubelet', view.flags!, headers['accept'])),
    });
  const paths = [...readingRoutes(view, clock), ...routes].map(({ path }) => path.replace(/\/[:*].*$/, '/'));
  const sources = { startMs: view.startedAtMs, paths: [...paths, '/statusz'] };
  const handle: Route['handle'] = ({ headers }) =>
    componentAnswer(() => statuszPage('kubelet', { ...sources, nowMs: clock.now() }, headers['accept']));
  return [...routes, { path: '/statusz', methods: ANY, handle }];
}

/** Upstream's list: what is not on it is not there at all. */
export function disabledRoutes(): Route[] {
  const paths = ['/run', '/exec', '/attach', '/portForward', '/containerLogs', '/runningpods', '/debug/pprof', '/logs'];
  return paths.map((path) => ({ path: `${path}/*`, methods: ANY, handle: disabled('Debug endpoints are disabled.') }));
}
