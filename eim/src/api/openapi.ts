import type { FastifyDynamicSwaggerOptions } from "@fastify/swagger";

/** What `GET /api/v1/openapi.json` says beyond the routes themselves. */
export function openapiOptions(version: string): FastifyDynamicSwaggerOptions {
	return {
		openapi: {
			openapi: "3.1.0",
			info: {
				title: "eIM API",
				version,
				description:
					"Orders for IoT devices with an eUICC (GSMA SGP.32). An order is accepted with 202 and carried out when " +
					"the device polls; follow it by its id or by the event stream. Errors are application/problem+json.",
				license: { name: "Apache-2.0", identifier: "Apache-2.0" },
			},
			servers: [{ url: "/", description: "This eIM" }],
			components: { securitySchemes: { apiKey: { type: "http", scheme: "bearer", description: "An API key." } } },
			security: [{ apiKey: [] }],
			tags: [
				{ name: "devices", description: "eUICCs that belong to this eIM." },
				{ name: "operations", description: "What devices are ordered to do." },
				{ name: "events", description: "What happened, as it happens, and who ordered it." },
				{ name: "eim", description: "This eIM itself." },
			],
		},
	};
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Gives every schema that has a name its place under components and refers to it from everywhere else. */
export function withNamedSchemas(document: object): Record<string, unknown> {
	const named: Record<string, Json> = {};
	const walk = (value: Json): Json => {
		if (Array.isArray(value)) return value.map(walk);
		if (typeof value !== "object" || value === null) return value;
		const { $id, expected: _expected, ...rest } = value as Record<string, Json>;
		// A schema that a field of this name describes is no annotation of ours.
		const kept = typeof _expected === "object" && _expected !== null ? { ...rest, expected: _expected } : rest;
		const walked = Object.fromEntries(Object.entries(kept).map(([key, one]) => [key, walk(one)]));
		if (typeof $id !== "string") return walked;
		named[$id] = walked;
		return { $ref: `#/components/schemas/${$id}` };
	};
	const walked = walk(JSON.parse(JSON.stringify(document)) as Json) as Record<string, Record<string, unknown>>;
	return { ...walked, components: { ...walked.components, schemas: named } };
}
