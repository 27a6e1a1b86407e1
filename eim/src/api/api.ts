import fastifyHelmet from "@fastify/helmet";
import fastifyRateLimit from "@fastify/rate-limit";
import fastifySwagger from "@fastify/swagger";
import { toHex } from "@iot-esim/shared/util/bytes";
import type { TSchema } from "@sinclair/typebox";
import fastify from "fastify";
import type { ApiDeps } from "./api-deps.ts";
import { authenticate } from "./auth.ts";
import { ApiError } from "./errors.ts";
import { openapiOptions } from "./openapi.ts";
import { PROBLEM_TYPE, problemOf } from "./problem.ts";
import { apiKeyRoutes } from "./routes/api-keys.ts";
import { deviceRoutes } from "./routes/devices.ts";
import { eimConfigurationRoutes } from "./routes/eim-configuration.ts";
import { eimKeyRoutes } from "./routes/eim-keys.ts";
import { eventRoutes } from "./routes/events.ts";
import { operationRoutes } from "./routes/operations.ts";
import { serviceRoutes } from "./routes/service.ts";
import { wakeUpRoutes } from "./routes/wake-ups.ts";
import type { ApiServer } from "./server.ts";
import { compileValidator } from "./validation.ts";

const BODY_OCTETS = 256 * 1024;

/** The API, wired but not listening; tests use its `inject`. Closing it ends the open event streams. */
export async function buildApi(deps: ApiDeps): Promise<ApiServer> {
	const server: ApiServer = fastify({
		...(deps.tls ? { https: deps.tls } : {}),
		bodyLimit: BODY_OCTETS,
		genReqId: () => toHex(deps.random.bytes(8)).toLowerCase(),
		forceCloseConnections: true,
		routerOptions: { maxParamLength: 200 },
		// Without a key nobody learns anything from a path; with one the paths are documented.
		exposeHeadRoutes: false,
	});
	server.setValidatorCompiler(({ schema, httpPart }) => compileValidator(schema as TSchema, httpPart ?? "body"));
	server.setSerializerCompiler(() => (value) => JSON.stringify(value));
	const parseJson = server.getDefaultJsonParser("error", "error");
	server.addContentTypeParser<string>("application/json", { parseAs: "string" }, (request, body, done) => {
		// Many clients name the type even where they send nothing.
		if (body === "") done(null, undefined);
		else parseJson(request, body, done);
	});
	server.decorateRequest("apiKey", null);
	answerErrors(server, deps);
	await server.register(fastifyHelmet, { contentSecurityPolicy: { directives: { "default-src": ["'none'"] } } });
	await server.register(fastifyRateLimit, { max: deps.limits.requestsPerMinute, timeWindow: 60_000 });
	await server.register(fastifySwagger, openapiOptions(deps.version));
	server.addHook("onRequest", async (request) => {
		if ((request.routeOptions.config as { isOpen?: boolean }).isOpen) return;
		await authenticate(request, deps.store, deps.clock);
	});
	server.addHook("onResponse", async (request, reply) => {
		const route = request.routeOptions.url ?? "unknown";
		deps.metrics.apiAnswered(request.method, route, reply.statusCode, reply.elapsedTime / 1000);
	});
	await server.register(async (routes: ApiServer) => {
		serviceRoutes(routes, deps);
		deviceRoutes(routes, deps);
		operationRoutes(routes, deps);
		eventRoutes(routes, deps);
		eimConfigurationRoutes(routes, deps);
		eimKeyRoutes(routes, deps);
		apiKeyRoutes(routes, deps);
		wakeUpRoutes(routes, deps);
	});
	return server;
}

function answerErrors(server: ApiServer, { log }: ApiDeps): void {
	server.setErrorHandler((error, request, reply) => {
		const problem = problemOf(error, request.id);
		if (problem.status >= 500) {
			log.error("request failed", { requestId: request.id, method: request.method, path: request.url, error });
		}
		if (problem.status === 401) reply.header("www-authenticate", "Bearer");
		return reply.code(problem.status).type(PROBLEM_TYPE).send(problem);
	});
	server.setNotFoundHandler((request) => {
		throw new ApiError("API_ROUTE_UNKNOWN", `${request.method} ${request.url.split("?")[0]} is not an endpoint`);
	});
}
