import { Type } from "@sinclair/typebox";
import type { ApiDeps } from "../api-deps.ts";
import { withNamedSchemas } from "../openapi.ts";
import type { ApiServer } from "../server.ts";

/** What needs no key: the document of the API, health and metrics. */
export function serviceRoutes(server: ApiServer, { health, metrics }: ApiDeps): void {
	let document: object | undefined;
	server.get("/api/v1/openapi.json", { config: { isOpen: true }, schema: { hide: true } }, async () => {
		document ??= withNamedSchemas(server.swagger());
		return document;
	});

	const HealthView = Type.Object({
		ok: Type.Boolean({ description: "It can serve, though perhaps not everything." }),
		degraded: Type.Optional(
			Type.Array(Type.String(), { description: "The checks that are not well and leave the rest to be served." }),
		),
		checks: Type.Record(Type.String(), Type.String(), { description: "`ok`, or why not." }),
	});
	server.get(
		"/healthz",
		{
			config: { isOpen: true, rateLimit: false },
			schema: {
				operationId: "getHealth",
				summary: "Whether this eIM can serve",
				tags: ["eim"],
				security: [],
				response: { 200: HealthView, 503: HealthView },
			},
		},
		async (_request, reply) => {
			const report = await health.report();
			const { ok, degraded, checks } = report;
			const view = { ok, ...(degraded && { degraded: [...degraded] }), checks: { ...checks } };
			return reply.code(ok ? 200 : 503).send(view);
		},
	);

	server.get(
		"/metrics",
		{
			config: { isOpen: true, rateLimit: false },
			schema: {
				operationId: "getMetrics",
				summary: "Metrics in the Prometheus text format",
				tags: ["eim"],
				security: [],
				produces: ["text/plain"],
				response: { 200: Type.String() },
			},
		},
		async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()),
	);
}
