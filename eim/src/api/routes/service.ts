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

	const HealthView = Type.Object({ ok: Type.Boolean(), checks: Type.Record(Type.String(), Type.String()) });
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
			return reply.code(report.ok ? 200 : 503).send({ ok: report.ok, checks: { ...report.checks } });
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
