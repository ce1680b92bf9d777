import { existsSync } from 'node:fs';
import { serveStatic } from '@hono/node-server/serve-static';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { getCookie, setCookie } from 'hono/cookie';
import { secureHeaders } from 'hono/secure-headers';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { z } from 'zod';
import { GlassboxError } from '../base/error.ts';
import type { Access } from './access.ts';
import * as api from './api.ts';
import type { ProgramIdentity } from './identity.ts';
import type { Question } from './messages.ts';
import type { LabRuns } from './runs.ts';
import { describeError, type LabService } from './service.ts';
import { type AnswerSource, jsonAnswer, streamAnswer } from './stream.ts';

export interface AppOptions {
  readonly access: Access;
  readonly service: LabService;
  readonly runs: LabRuns;
  readonly program: ProgramIdentity;
  /** The folder of the built page; null serves the API alone. */
  readonly page: string | null;
  readonly port: number;
}

/** Request bodies are prompts and edits; a direction of a wide model is some hundred kilobytes. */
const MOST_BODY = 8 * 2 ** 20;

const POSTS: { readonly [Q in Exclude<Question, 'model' | 'examples'>]: z.ZodType } = {
  analyse: api.analyseSchema,
  lens: api.lensSchema,
  attention: api.attentionSchema,
  heads: api.headsSchema,
  interventions: api.interventionsSchema,
  dose: api.doseSchema,
  attribution: api.attributionSchema,
  patching: api.patchingSchema,
  tokens: api.tokensSchema,
  'token-search': api.tokenSearchSchema,
  generate: api.generateSchema,
  dictionaries: api.dictionariesSchema,
  'compare-dictionaries': api.compareDictionariesSchema,
  trace: api.traceSchema,
  'graph-intervention': api.graphInterventionSchema,
  'graph-validity': api.graphValiditySchema,
  'head-loadings': api.headLoadingsSchema,
  qk: api.qkSchema,
  groups: api.groupsSchema,
  'subgraph-scores': api.subgraphScoresSchema,
  features: api.featuresSchema,
  feature: api.featureSchema,
  circuit: api.circuitSchema,
  'circuit-curve': api.circuitCurveSchema,
  'circuit-eval': api.circuitEvalSchema,
  ioi: api.ioiSchema,
  attribute: api.attributeSchema,
  'feature-example': api.featureExampleSchema,
  'find-features': api.findFeaturesSchema,
};

/** Figures put style attributes into SVG; scripts and everything else come from here only. */
const POLICY = {
  defaultSrc: ["'self'"],
  styleSrc: ["'self'", "'unsafe-inline'"],
  imgSrc: ["'self'", 'data:', 'blob:'],
  fontSrc: ["'self'", 'data:'],
  objectSrc: ["'none'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
};

const NO_PAGE = `The web page is not built. In a checkout, run: npm run build
The API answers under /api/.
`;

export function statusOf(error: GlassboxError): ContentfulStatusCode {
  switch (error.code) {
    case 'foreign-host':
    case 'foreign-origin':
      return 403;
    case 'token-needed':
      return 401;
    case 'unknown-endpoint':
      return 404;
    case 'request-too-large':
      return 413;
    default:
      return error.kind === 'input' ? 400 : 500;
  }
}

function fail(c: Context, error: unknown): Response {
  const { code, message, remedy, ...known } = describeError(error);
  const status = statusOf({ code, message, remedy, ...known });
  return c.json({ error: { code, message: describeError(error).message, remedy } }, status);
}

/** A checked request body. Throws `bad-request` or `bad-edit`, naming the field. */
function parseBody(schema: z.ZodType, json: unknown): object {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data as object;
  const [issue] = parsed.error.issues;
  const field = issue.path.map(String).join('.') || 'the request';
  const isEdit = issue.path[0] === 'edits';
  throw new GlassboxError(`${field}: ${issue.message}`, {
    code: isEdit ? 'bad-edit' : 'bad-request',
    remedy: isEdit
      ? 'Write an edit as {"at": "blocks.0.hook_mlp_out", "op": "zero"}.'
      : 'Send the fields that src/lab/api.ts describes.',
    details: { field },
  });
}

async function readBody(c: Context): Promise<unknown> {
  const type = c.req.header('content-type') ?? '';
  if (!/^application\/json\b/i.test(type)) {
    throw new GlassboxError(`the body is '${type || 'of no type'}', expected application/json`, {
      code: 'bad-request',
      remedy: 'Send JSON with the header Content-Type: application/json.',
    });
  }
  try {
    return JSON.parse(await c.req.text());
  } catch (cause) {
    throw new GlassboxError(`the body is not JSON: ${(cause as Error).message}`, {
      code: 'bad-request',
      remedy: 'Send one JSON object.',
      cause,
    });
  }
}

/** The whole lab as a web application. */
export function createApp({ access, service, runs, program, page, port }: AppOptions): Hono {
  const app = new Hono();
  const cookie = `glassbox-lab-${port}`;

  // Plain HTTP on this machine: a promise of HTTPS would lock other programs of the port out.
  app.use(secureHeaders({ contentSecurityPolicy: POLICY, strictTransportSecurity: false }));
  app.use(async (c, next) => {
    const isApi = c.req.path.startsWith('/api/');
    if (isApi) c.header('Cache-Control', 'no-store');
    const bearer = /^Bearer (.+)$/.exec(c.req.header('authorization') ?? '')?.[1];
    const asked = isApi ? undefined : c.req.query('token');
    const token = bearer ?? getCookie(c, cookie) ?? asked;
    const refused = access.refusal({
      host: c.req.header('host'),
      origin: c.req.header('origin'),
      // Following a link from elsewhere to the page is fine; using the API from there is not.
      site: isApi ? c.req.header('sec-fetch-site') : undefined,
      token,
    });
    if (refused) return fail(c, refused);
    if (access.needsToken && asked !== undefined && access.knows(asked)) {
      setCookie(c, cookie, asked, { httpOnly: true, sameSite: 'Strict', path: '/' });
      const url = new URL(c.req.url);
      url.searchParams.delete('token');
      return c.redirect(`${url.pathname}${url.search}`, 303);
    }
    if (access.knows(token)) return next();
    return fail(
      c,
      new GlassboxError('this lab wants its token', {
        code: 'token-needed',
        remedy: 'Open the address with ?token= that the lab printed.',
      }),
    );
  });

  app.use(
    '/api/*',
    bodyLimit({
      maxSize: MOST_BODY,
      onError: (c) =>
        fail(
          c,
          new GlassboxError(`the body has more than ${MOST_BODY} bytes`, {
            code: 'request-too-large',
            remedy: 'Shorten the prompt or the edits.',
          }),
        ),
    }),
  );

  app.get('/api/health', (c) =>
    c.json({ ok: true, glassboxVersion: program.version } satisfies api.LabHealth),
  );
  app.get('/api/models', async (c) => c.json(await service.pool.list()));
  app.get('/api/runs', async (c) => c.json(await runs.list()));
  app.get('/api/run', async (c) => c.json(await runs.run(c.req.query('name') ?? '')));
  for (const question of ['model', 'examples'] as const) {
    app.get(`/api/${question}`, (c) =>
      respond(c, question, { model: c.req.query('model') || undefined }),
    );
  }
  for (const [question, schema] of Object.entries(POSTS)) {
    app.post(`/api/${question}`, async (c) =>
      respond(c, question as Question, parseBody(schema, await readBody(c))),
    );
  }

  function respond(c: Context, question: Question, request: object): Promise<Response> | Response {
    const source: AnswerSource = (options) => service.answer(question, request, options);
    const streams =
      question === 'generate' || c.req.header('accept')?.includes('application/x-ndjson');
    return streams
      ? streamAnswer(source, { signal: c.req.raw.signal, generation: question === 'generate' })
      : jsonAnswer(source, c.req.raw.signal);
  }

  app.all('/api/*', (c) => {
    throw new GlassboxError(`there is no ${c.req.method} ${c.req.path}`, {
      code: 'unknown-endpoint',
      remedy: 'Use the paths that src/lab/api.ts describes.',
    });
  });

  if (page !== null && existsSync(page)) {
    app.use(
      serveStatic({
        root: page,
        onFound: (path, c) => {
          // Names of built assets carry a hash of their content.
          const lasting = path.includes('/assets/');
          c.header('Cache-Control', lasting ? 'public, max-age=31536000, immutable' : 'no-cache');
        },
      }),
    );
  } else app.get('/', (c) => c.text(NO_PAGE, 503));

  app.notFound((c) => c.text('There is no such page.\n', 404));
  app.onError((error, c) => fail(c, error));
  return app;
}
